"""Sessions as their owner sees them: which are open, on what, from where, and when they were last used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update

from app.store.database import Tx
from app.store.records import columns, read_all
from app.store.schema import among
from app.store.sessions import open_at
from app.store.tables import sessions


@dataclass(frozen=True, slots=True)
class Listed:
    id: UUID
    device_id: UUID | None
    network: str
    agent: str
    amr: list[str]
    acr: str
    created_at: datetime
    rotated_at: datetime
    seen_at: datetime | None
    expires_at: datetime


async def of_user(tx: Tx, user_id: UUID, *, idle: timedelta, at: datetime) -> list[Listed]:
    """The user's open sessions, most recently used first."""
    statement = (
        select(*columns(sessions, Listed))
        .where(sessions.c.user_id == user_id, *open_at(at, idle=idle))
        .order_by(func.greatest(sessions.c.seen_at, sessions.c.rotated_at).desc(), sessions.c.id)
    )
    return read_all(Listed, await tx.execute(statement))


async def saw(tx: Tx, session_ids: Sequence[UUID], *, every: timedelta, at: datetime) -> None:
    """Record that the sessions are in use; a row is written at most once in *every*, by all replicas together."""
    stale = or_(sessions.c.seen_at.is_(None), sessions.c.seen_at <= at - every)
    await tx.execute(update(sessions).where(among(sessions.c.id, session_ids), stale).values(seen_at=at))


async def lives(tx: Tx, session_id: UUID) -> bool:
    """Whether the session exists and nobody has ended it."""
    statement = select(sessions.c.id).where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
    return (await tx.execute(statement)).one_or_none() is not None


async def device_of(tx: Tx, session_id: UUID) -> UUID | None:
    statement = select(sessions.c.device_id).where(sessions.c.id == session_id)
    device_id: UUID | None = (await tx.execute(statement)).scalar_one_or_none()
    return device_id
