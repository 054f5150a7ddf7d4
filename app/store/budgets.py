"""How many wrong answers each factor of an account takes, over all sign-ins, step-ups and sessions (RFC 4226 §7.3).

A failure is counted before the answer is judged, and the streak is reset when the answer was right (law 1).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Interval,
    SelectBase,
    Text,
    Update,
    Uuid,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.schema import Moment
from app.store.tables import budgets

ALL = "*"
"""Of all factors of an account together."""
UNHELD = "none"
"""Of answers for factors that the user does not have."""
FOR_GOOD = timedelta.max
_NEVER = 32_767  # the most that a smallint holds
_NOW = bindparam("now", type_=Moment)


@dataclass(frozen=True, slots=True)
class Locks:
    """Lock at *first* failures in a row, and after each further *every*, for the next of *pauses*; at *stop* for good."""

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
    row = await _spending(locks).row(tx, {"of_user": user_id, "of_kind": kind, "now": at})
    return Spent(row.streak, row.all_streak or 0) if row else None


@cache
def _spending(locks: Locks) -> Prepared:
    own, of_all = counting(
        select(bindparam("of_user", type_=Uuid), bindparam("of_kind", type_=Text), literal(1)), locks
    )
    counted = select(own.c.streak, of_all.c.streak.label("all_streak"))
    return Prepared(counted.select_from(own.outerjoin(of_all, true())))


def counting(row: SelectBase, locks: Locks) -> tuple[CTE, CTE]:
    """Count a failure for the user and kind in *row* (no row returned while that is locked), and for all their factors."""
    own = _count(row, locks.stop, locks).cte("own")
    all_ = select(own.c.user_id, literal(ALL), literal(1))
    return own, _count(all_, _NEVER, None).cte("of_all")


def shut(stop: int) -> ColumnElement[bool]:
    """Whether a budget is locked, or stopped for good."""
    return or_(func.coalesce(budgets.c.locked_until > _NOW, False), budgets.c.streak >= stop)


def _count(row: SelectBase, stop: int, locks: Locks | None) -> ReturningInsert[Any]:
    streak = func.least(budgets.c.streak + 1, _NEVER - 1)
    return (
        insert(budgets)
        .from_select(["user_id", "kind", "streak"], row)
        .on_conflict_do_update(
            index_elements=[budgets.c.user_id, budgets.c.kind],
            set_={"streak": streak, "locked_until": _until(streak, locks) if locks else None},
            where=~shut(stop),
        )
        .returning(budgets.c.user_id, budgets.c.streak)
    )


def _until(streak: ColumnElement[int], locks: Locks) -> ColumnElement[datetime]:
    """When the lock that this failure begins will end; null when it begins none."""
    ends = [_NOW + literal(pause, Interval) for pause in locks.pauses]
    level = (streak - locks.first) / locks.every
    begins = and_(streak >= locks.first, (streak - locks.first) % locks.every == 0)
    return case((~begins, None), *[(level == n, end) for n, end in enumerate(ends)], else_=ends[-1])


def clearing(*after: ColumnElement[bool]) -> Update:
    """Reset the streaks of `of_kind`, `UNHELD` and `ALL`, and their locks; *after*: conditions to be met first.

    The rows are locked in the order in which `spend` locks them, or the two would deadlock.
    """
    theirs = budgets.c.user_id == bindparam("of_user", type_=Uuid)
    those = select(budgets.c.kind).where(theirs, budgets.c.kind.in_((bindparam("of_kind"), UNHELD, ALL)), *after)
    taken = those.order_by(budgets.c.kind == ALL, budgets.c.kind).with_for_update().cte("taken")
    return update(budgets).where(theirs, budgets.c.kind == taken.c.kind).values(streak=0, locked_until=None)


_CLEAR = clearing()


async def clear(tx: Tx, user_id: UUID, kind: str) -> None:
    """Reset the streak of failures, because the answer was right."""
    await tx.execute(_CLEAR, {"of_user": user_id, "of_kind": kind})


async def forget(tx: Tx, user_id: UUID, kind: str) -> None:
    """Delete the factor's streak of failures: it was enrolled anew, or is gone."""
    await tx.execute(delete(budgets).where(budgets.c.user_id == user_id, budgets.c.kind == kind))


async def locked_for(tx: Tx, user_id: UUID, kind: str, *, stop: int, at: datetime) -> timedelta | None:
    """How much longer *kind* is locked, `FOR_GOOD` if it was stopped; None when it is neither."""
    statement = select(budgets.c.streak, budgets.c.locked_until)
    row = (await tx.execute(statement.where(budgets.c.user_id == user_id, budgets.c.kind == kind))).one_or_none()
    if row is None:
        return None
    if row.streak >= stop:
        return FOR_GOOD
    return row.locked_until - at if row.locked_until and row.locked_until > at else None
