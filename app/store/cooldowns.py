"""The growing pause between codes, per user and kind: across sign-ins, so that a new sign-in does not start over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Interval, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.schema import Moment
from app.store.tables import cooldowns

FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to send a code now; the next one may not be sent before `next_at`."""

    sends: int
    next_at: datetime


async def take(tx: Tx, user_id: UUID, kind: str, *, pauses: tuple[timedelta, ...], at: datetime) -> Turn | None:
    """Take the right to send now, by one statement; None while the last send is cooling down."""
    sends = case((cooldowns.c.next_at < at - FORGOTTEN_AFTER, 0), else_=cooldowns.c.sends)
    steps = [literal(pause, Interval) for pause in pauses]
    pause = case(*[(sends == taken, step) for taken, step in enumerate(steps)], else_=steps[-1])
    statement = (
        insert(cooldowns)
        .values(user_id=user_id, kind=kind, sends=1, next_at=at + pauses[0])
        .on_conflict_do_update(
            index_elements=[cooldowns.c.user_id, cooldowns.c.kind],
            set_={"sends": func.least(sends + 1, len(pauses)), "next_at": literal(at, Moment) + pause},
            where=cooldowns.c.next_at <= at,
        )
        .returning(cooldowns.c.sends, cooldowns.c.next_at)
    )
    row = (await tx.execute(statement)).one_or_none()
    return Turn(row.sends, row.next_at) if row else None


async def give_back(tx: Tx, user_id: UUID, kind: str, *, turn: Turn, at: datetime) -> None:
    """Undo *turn*, because nothing was sent: the next send need not wait, and the pause does not grow."""
    statement = update(cooldowns).where(
        cooldowns.c.user_id == user_id, cooldowns.c.kind == kind, cooldowns.c.next_at == turn.next_at
    )
    await tx.execute(statement.values(sends=turn.sends - 1, next_at=at))


async def clear(tx: Tx, user_id: UUID, kind: str) -> None:
    """End the cool-down, because a code was answered right."""
    await tx.execute(delete(cooldowns).where(cooldowns.c.user_id == user_id, cooldowns.c.kind == kind))


async def next_send(tx: Tx, user_id: UUID, kind: str) -> datetime | None:
    statement = select(cooldowns.c.next_at).where(cooldowns.c.user_id == user_id, cooldowns.c.kind == kind)
    return (await tx.execute(statement)).scalar_one_or_none()
