"""How many wrong answers an account takes, a factor: across sign-ins, confirmations, step-ups and sessions (RFC 4226 §7.3).

A failure is counted before the answer is looked at, and taken back when the answer was right (law 1).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Interval, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Tx
from app.store.schema import Moment
from app.store.tables import budgets

ALL = "*"
_WINDOW = timedelta(hours=1)
_NEVER = 32_767
FIRST_LOCK_AT, _THEN_EVERY = 10, 5
_LOCKS = (timedelta(minutes=10), timedelta(minutes=15), timedelta(minutes=60))


@dataclass(frozen=True, slots=True)
class Spent:
    """The failures in a row of one factor, and of all the account's factors together, if this answer is wrong too."""

    streak: int
    of_all: int


async def spend(tx: Tx, user_id: UUID, kind: str, *, stop_at: int, at: datetime) -> Spent | None:
    """Count a failure in advance; None while *kind* is locked, or after *stop_at* failures in a row."""
    own = await _count(tx, user_id, kind, stop_at=stop_at, at=at)
    if own is None:
        return None
    of_all = await _count(tx, user_id, ALL, stop_at=None, at=at)
    return Spent(own, of_all or 0)


async def _count(tx: Tx, user_id: UUID, kind: str, *, stop_at: int | None, at: datetime) -> int | None:
    now = literal(at, Moment)
    begins_anew = or_(
        budgets.c.window_began <= now - literal(_WINDOW, Interval), func.coalesce(budgets.c.locked_until <= now, False)
    )
    streak = func.least(budgets.c.streak + 1, _NEVER - 1)
    recent = case((begins_anew, 1), else_=budgets.c.recent + 1)
    changes = {
        "streak": streak,
        "recent": recent,
        "window_began": case((begins_anew, now), else_=budgets.c.window_began),
        "locked_until": None if stop_at is None else _lock(streak, recent, now),
    }
    statement = (
        insert(budgets)
        .values(user_id=user_id, kind=kind, streak=1, recent=1, window_began=at)
        .on_conflict_do_update(
            index_elements=[budgets.c.user_id, budgets.c.kind],
            set_=changes,
            where=and_(func.coalesce(budgets.c.locked_until <= now, True), budgets.c.streak < (stop_at or _NEVER)),
        )
        .returning(budgets.c.streak)
    )
    counted: int | None = (await tx.execute(statement)).scalar_one_or_none()
    return counted


def _lock(
    streak: ColumnElement[int], recent: ColumnElement[int], now: ColumnElement[datetime]
) -> ColumnElement[datetime]:
    first, second, last = (now + literal(lock, Interval) for lock in _LOCKS)
    return case(
        (streak == FIRST_LOCK_AT, first),
        (streak == FIRST_LOCK_AT + _THEN_EVERY, second),
        (and_(streak > FIRST_LOCK_AT, streak % _THEN_EVERY == 0), last),
        (recent >= FIRST_LOCK_AT, first),
        else_=None,
    )


async def clear(tx: Tx, user_id: UUID, kind: str) -> None:
    """The answer was right: the failure counted in advance is taken back, and the row of failures ends.

    The rows are taken in the order in which `spend` takes them, or the two would wait for each other.
    """
    taken_back = func.greatest(budgets.c.recent - 1, 0)
    for row in (kind, ALL):
        statement = update(budgets).where(budgets.c.user_id == user_id, budgets.c.kind == row)
        await tx.execute(statement.values(streak=0, recent=taken_back, locked_until=None))


async def forget(tx: Tx, user_id: UUID, kind: str) -> None:
    """The factor was bound anew, or is gone."""
    await tx.execute(delete(budgets).where(budgets.c.user_id == user_id, budgets.c.kind == kind))


async def locked_until(tx: Tx, user_id: UUID, kind: str) -> datetime | None:
    """When the lock of *kind* ends; None for a factor that was stopped for good."""
    statement = select(budgets.c.locked_until).where(budgets.c.user_id == user_id, budgets.c.kind == kind)
    until: datetime | None = (await tx.execute(statement)).scalar_one_or_none()
    return until
