"""People to sign in: rows as registration and enrolment leave them, written at once, with one password for all."""

import secrets
from base64 import b32encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from app.clock import SystemClock
from app.crypto.chance import new_id
from app.crypto.passwords import Passwords
from app.factors import KINDS
from app.factors.totp import TotpState
from app.settings import Settings
from app.store.enrollments import Enrollment
from app.store.records import values
from app.store.tables import enrollments, users
from app.tools import Tools
from tests.app import AuthenticatorApp

PASSWORD = "correct horse battery staple"
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Somebody:
    email: str
    app: AuthenticatorApp | None = None


async def settle(settings: Settings, count: int, *, with_app: bool = False) -> Sequence[Somebody]:
    """Write *count* people, each with a confirmed authenticator app if wanted."""
    tools = Tools(settings, SystemClock(), KINDS)
    hashed, at = tools.passwords.hash(PASSWORD), datetime.now(UTC) - timedelta(days=30)
    settled: list[Somebody] = []
    try:
        for begin in range(0, count, _BATCH):
            made = [_person(tools, hashed, at, with_app=with_app) for _ in range(begin, min(begin + _BATCH, count))]
            async with tools.database.begin() as tx:
                await tx.execute(insert(users), [user for _, user, _ in made])
                if with_app:
                    await tx.execute(insert(enrollments), [enrolled for _, _, enrolled in made])
            settled += [somebody for somebody, _, _ in made]
    finally:
        await tools.database.close()
    return settled


def _person(
    tools: Tools, hashed: str, at: datetime, *, with_app: bool
) -> tuple[Somebody, dict[str, object], dict[str, object]]:
    now = tools.clock.now()
    user_id, email = new_id(now), f"ada.{secrets.token_hex(8)}@example.test"
    user = {"id": user_id, "email": email, "email_folded": email, "password_hash": hashed}
    user |= {"locale": "en", "created_at": at}
    if not with_app:
        return Somebody(email), user, {}
    enrollment_id, seed = new_id(now), b32encode(secrets.token_bytes(20)).decode()
    state = tools.states.seal(enrollment_id, TotpState(seed=seed))
    enrolled = Enrollment.new(enrollment_id, "totp", user_id=user_id, state=state, at=at, confirmed_at=at)
    return Somebody(email, AuthenticatorApp(seed)), user, dict(values(enrolled))


def verifier(settings: Settings) -> Callable[[], object]:
    """One verification of a right password by the service's own hash, nothing around it."""
    passwords = Passwords(settings.passwords)
    hashed = passwords.hash(PASSWORD)
    return lambda: passwords.verify(PASSWORD, hashed)
