"""Sessions: opened once, rotated by compare-and-set, ended by the database's own clock, which the revocation feed reads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, update

from app.store.database import Tx
from app.store.records import columns, read, values
from app.store.tables import sessions, users


@dataclass(frozen=True, slots=True)
class Session:
    """`counter` numbers its refresh tokens; `key_id` is the ring key they are under."""

    id: UUID
    user_id: UUID
    credential_version: int
    counter: int
    key_id: bytes
    amr: list[str]
    acr: str
    auth_time: datetime
    rotated_at: datetime
    expires_at: datetime


_COLUMNS = columns(sessions, Session)
_LIVE = sessions.c.ended_at.is_(None)


async def open_(tx: Tx, session: Session) -> None:
    """Remember a session of a user whom `users.admit` let through in the same transaction."""
    await tx.execute(insert(sessions).values(**values(session), created_at=session.rotated_at))


async def rotate(
    tx: Tx, session_id: UUID, *, counter: int, key_id: bytes, idle: timedelta, at: datetime
) -> Session | None:
    """Make counter + 1 the newest, if *counter* was, while session and user are good: exactly one caller wins (law 2)."""
    statement = (
        update(sessions)
        .where(
            sessions.c.id == session_id,
            sessions.c.counter == counter,
            *_good(key_id, idle, at),
        )
        .values(counter=sessions.c.counter + 1, rotated_at=at)
        .returning(*_COLUMNS)
    )
    return read(Session, (await tx.execute(statement)).one_or_none())


async def again(
    tx: Tx, session_id: UUID, *, counter: int, key_id: bytes, idle: timedelta, grace: timedelta, at: datetime
) -> Session | None:
    """The session whose newest, still unused token has *counter* as its parent: the last answer may have been lost."""
    statement = select(*_COLUMNS).where(
        sessions.c.id == session_id,
        sessions.c.counter == counter + 1,
        sessions.c.rotated_at >= at - grace,
        *_good(key_id, idle, at),
    )
    return read(Session, (await tx.execute(statement)).one_or_none())


def _good(key_id: bytes, idle: timedelta, at: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        sessions.c.key_id == key_id,
        _LIVE,
        sessions.c.expires_at > at,
        sessions.c.rotated_at > at - idle,
        users.c.id == sessions.c.user_id,
        users.c.active,
        users.c.credential_version == sessions.c.credential_version,
    )


async def revoke_outrun(tx: Tx, session_id: UUID, *, counter: int, at: datetime) -> UUID | None:
    """End a session that has rotated past *counter*: the token was used twice. The user whose session ended, if it did."""
    statement = (
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.counter > counter, sessions.c.expires_at > at, _LIVE)
        .values(ended_at=func.clock_timestamp(), end_reason="reuse")
        .returning(sessions.c.user_id)
    )
    user_id: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return user_id


async def revoke(tx: Tx, session_id: UUID, *, reason: str) -> bool:
    statement = update(sessions).where(sessions.c.id == session_id, _LIVE)
    return (await tx.execute(statement.values(ended_at=func.clock_timestamp(), end_reason=reason))).rowcount == 1


async def revoke_all(tx: Tx, user_id: UUID, *, reason: str, but: UUID | None = None) -> None:
    """End the user's sessions, all or all but one."""
    statement = update(sessions).where(sessions.c.user_id == user_id, _LIVE, sessions.c.id.is_distinct_from(but))
    await tx.execute(statement.values(ended_at=func.clock_timestamp(), end_reason=reason))


async def strengthen(
    tx: Tx, session_id: UUID, *, amr: list[str], acr: str, credential_version: int, at: datetime
) -> Session | None:
    """A factor was just proved within this session: it now counts as opened with it."""
    statement = (
        update(sessions)
        .where(sessions.c.id == session_id, _LIVE, sessions.c.expires_at > at)
        .values(amr=amr, acr=acr, auth_time=at, credential_version=credential_version)
        .returning(*_COLUMNS)
    )
    return read(Session, (await tx.execute(statement)).one_or_none())


async def carry_over(tx: Tx, user_id: UUID, *, credential_version: int) -> None:
    """What was opened with proofs that still stand goes on under the new version."""
    statement = update(sessions).where(sessions.c.user_id == user_id, _LIVE)
    await tx.execute(statement.values(credential_version=credential_version))


async def ended_since(tx: Tx, window: timedelta) -> list[UUID]:
    """The sessions that ended within the last *window*, by the database's time."""
    return list(
        (await tx.execute(select(sessions.c.id).where(sessions.c.ended_at > func.clock_timestamp() - window))).scalars()
    )
