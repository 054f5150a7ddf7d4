"""Whether a new password was found in a public breach. No transaction is open meanwhile, and no account is looked at.

The answer of others decides only when there is one: a check that fails is noted, and the password passes.
"""

from dataclasses import dataclass

from app.crypto.passwords import breach_key
from app.events import Event
from app.problems import PasswordBlocklisted
from app.senders.base import BreachedPasswords, BreachesUnavailable
from app.watch import audit


@dataclass(frozen=True)
class BreachCheck:
    """Without *breached* there is no check."""

    breached: BreachedPasswords | None

    async def __call__(self, password: str) -> None:
        """Raises PasswordBlocklisted."""
        if self.breached is None:
            return
        prefix, suffix = breach_key(password)
        try:
            found = await self.breached.include(prefix, suffix)
        except BreachesUnavailable as failure:
            audit.note(Event.BREACH_CHECK_FAILED, reason=failure.reason)
            return
        if found:
            raise PasswordBlocklisted("It was found in a public breach.")
