"""What ended, for other services that accept the tokens: a signed document that they fetch every second, at no query's cost.

There are two at any moment, everything and the newest, each signed once, so that whoever asks often costs next to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.clock import Clock
from app.crypto.documents import sign
from app.crypto.tokens import Tokens
from app.settings.groups import TokenSettings
from app.watch.revocations import OVERLAP, Revocations

TYP = "revocations+jwt"
_OVERLAP = int(OVERLAP.total_seconds())


class _Shelf:
    """The documents of one moment, by what they begin with."""

    def __init__(self) -> None:
        self._moment: object = None
        self._documents: dict[int, str] = {}

    def get(self, moment: object, since: int, make: Callable[[], str]) -> str:
        if moment != self._moment:
            self._moment, self._documents = moment, {}
        if since not in self._documents:
            self._documents[since] = make()
        return self._documents[since]


@dataclass(frozen=True)
class RevocationFeed:
    settings: TokenSettings
    clock: Clock
    tokens: Tokens
    revocations: Revocations
    shelf: _Shelf = field(default_factory=_Shelf)

    async def __call__(self, since: int | None = None) -> str:
        """The document for one who has that of *since*. Raises DatabaseUnavailable when what ended cannot be known."""
        await self.revocations.refuse_stale()
        now, key = int(self.clock.now().timestamp()), self.tokens.keys.access
        begin = _begin(since, now)
        return self.shelf.get(
            (now, self.revocations.version, key.kid), begin, lambda: sign(self._claims(now, begin), typ=TYP, key=key)
        )

    def _claims(self, now: int, begin: int) -> dict[str, Any]:
        sessions, users = self.revocations.sessions(since=begin), self.revocations.cut_offs(since=begin)
        claims: dict[str, Any] = {
            "iss": self.settings.issuer,
            "iat": now,
            "exp": now + int(self.settings.revocations_life.total_seconds()),
            "reach": int(self.revocations.reach.total_seconds()),
            "sessions": {str(session_id): ended for session_id, ended in sessions.items()},
            "users": {str(user_id): cut_off for user_id, cut_off in users.items()},
        }
        return claims | ({"since": begin} if begin else {})


def _begin(since: int | None, now: int) -> int:
    """Where the document begins; 0 for everything.

    What commits late, and replicas that are a poll apart, are covered by re-reading an overlap, as the feed itself does.
    """
    follows = since is not None and since >= now - _OVERLAP
    return now - 2 * _OVERLAP if follows else 0
