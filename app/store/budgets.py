"""How many wrong answers an account takes, a factor: across sign-ins, confirmations, step-ups and sessions (RFC 4226 §7.3).

A failure is counted before the answer is looked at, and taken back when the answer was right (law 1).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    SelectBase,
    Uuid,
    and_,
    case,
    delete,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from app.store.database import Tx
from app.store.schema import Moment
from app.store.tables import budgets

ALL = "*"
_NEVER = 32_767


@dataclass(frozen=True, slots=True)
class Locks:
    """Lock at *first* failures in a row, and after each further *every*, for as long as *pauses* say; never past *stop*."""

    first: int
    every: int
    pauses: tuple[timedelta, ...]
    stop: int


@dataclass(frozen=True, slots=True)
class Spent:
    """The failures in a row of one factor, and of all the account's factors together, if this answer is wrong too."""

    streak: int
    of_all: int


async def spend(tx: Tx, user_id: UUID, kind: str, *, locks: Locks, at: datetime) -> Spent | None:
    """Count a failure in advance, by one statement; None while *kind* is locked or stopped."""
    own = _count(select(literal(user_id, Uuid), literal(kind), literal(1)), locks.stop, locks, at).cte("own")
    of_all = _count(select(literal(user_id, Uuid), literal(ALL), literal(1)).select_from(own), _NEVER, None, at).cte(
        "of_all"
    )
    row = (
        await tx.execute(
            select(own.c.streak, of_all.c.streak.label("all_streak")).select_from(own.outerjoin(of_all, true()))
        )
    ).one_or_none()
    return Spent(row.streak, row.all_streak or 0) if row else None


def _count(row: SelectBase, stop: int, locks: Locks | None, at: datetime) -> ReturningInsert[Any]:
    streak = func.least(budgets.c.streak + 1, _NEVER - 1)
    free = func.coalesce(budgets.c.locked_until <= literal(at, Moment), True)
    return (
        insert(budgets)
        .from_select(["user_id", "kind", "streak"], row)
        .on_conflict_do_update(
            index_elements=[budgets.c.user_id, budgets.c.kind],
            set_={"streak": streak, "locked_until": _until(streak, locks, at) if locks else None},
            where=and_(free, budgets.c.streak < stop),
        )
        .returning(budgets.c.streak)
    )


def _until(streak: ColumnElement[int], locks: Locks, at: datetime) -> ColumnElement[datetime]:
    """When the lock ends that this failure begins; null when it begins none."""
    ends = [literal(at, Moment) + literal(pause, Interval) for pause in locks.pauses]
    level = (streak - locks.first) / locks.every
    begins = and_(streak >= locks.first, (streak - locks.first) % locks.every == 0)
    return case((~begins, None), *[(level == n, end) for n, end in enumerate(ends)], else_=ends[-1])


async def clear(tx: Tx, user_id: UUID, kind: str) -> None:
    """The answer was right: the row of failures ends, and with it the lock.

    The rows are taken in the order in which `spend` takes them, or the two would wait for each other.
    """
    both = select(budgets.c.kind).where(budgets.c.user_id == user_id, budgets.c.kind.in_((kind, ALL)))
    taken = both.order_by(budgets.c.kind == ALL).with_for_update().cte("taken")
    statement = update(budgets).where(budgets.c.user_id == user_id, budgets.c.kind == taken.c.kind)
    await tx.execute(statement.values(streak=0, locked_until=None))


async def forget(tx: Tx, user_id: UUID, kind: str) -> None:
    """The factor was bound anew, or is gone."""
    await tx.execute(delete(budgets).where(budgets.c.user_id == user_id, budgets.c.kind == kind))


async def locked_until(tx: Tx, user_id: UUID, kind: str) -> datetime | None:
    """When the lock of *kind* ends; None for a factor that was stopped for good."""
    statement = select(budgets.c.locked_until).where(budgets.c.user_id == user_id, budgets.c.kind == kind)
    until: datetime | None = (await tx.execute(statement)).scalar_one_or_none()
    return until
