"""Ada, the state that her row was read in, a session on a new device that could be opened for her, and what may cross it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from app.crypto.claims import PASSWORD_ONLY
from app.store import credentials, devices, users
from app.store.database import Database, Tx
from app.store.devices import Device
from app.store.sessions import Session

AT = datetime(2029, 1, 1, 12, tzinfo=UTC)
ADA, WEEK = UUID(int=7), timedelta(days=7)
Change = Callable[[Tx], Awaitable[None]]
_EMAIL = "ada@example.test"


async def add(database: Database) -> None:
    async with database.begin() as tx:
        assert await users.add(tx, ADA, email=_EMAIL, email_folded=_EMAIL, password_hash="$", locale="en", at=AT)


async def state_of(database: Database) -> str:
    async with database.read() as tx:
        return (await credentials.of_address(tx, _EMAIL)).state


def opening_of(at: datetime = AT) -> tuple[Session, dict[str, object]]:
    """The session, and what adds its device."""
    device = Device(uuid4(), ADA, 1, uuid4().bytes, b"k", "203.0.113.9", "curl", at, at, None)
    session = Session(
        id=uuid4(),
        user_id=ADA,
        credential_version=1,
        counter=0,
        key_id=b"k",
        device_id=device.id,
        network=device.network,
        agent=device.agent,
        amr=["pwd"],
        acr=PASSWORD_ONLY,
        auth_time=at,
        rotated_at=at,
        expires_at=AT + WEEK,
    )
    return session, devices.adding(device, most=9)


async def disable(tx: Tx) -> None:
    await users.disable(tx, ADA)


async def admit(tx: Tx) -> None:
    """As whoever opens another session in a transaction."""
    assert await users.admit(tx, ADA, credential_version=1, at=AT - WEEK)
