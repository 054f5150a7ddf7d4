"""Streaks of failures, and the growing delay that they cause: one row per key, a digest that says nothing about whom."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Interval, LargeBinary, SmallInteger, bindparam, text

from app.store.database import Tx
from app.store.schema import Moment

COUNT = text(
    """
    INSERT INTO throttles AS t (key, streak, free_at) VALUES (:key, 1, :now)
    ON CONFLICT (key) DO UPDATE SET (streak, free_at) = (
        SELECT n.streak, :now + coalesce((:pauses)[n.streak - :first + 1], interval '0')
        FROM (SELECT CASE WHEN t.free_at < :begin THEN 1 ELSE least(t.streak + 1, :most) END AS streak) AS n
    )
    WHERE t.streak < :first OR t.free_at <= :now
    RETURNING key, free_at, streak
    """
).bindparams(
    bindparam("key", type_=LargeBinary),
    bindparam("now", type_=Moment),
    bindparam("begin", type_=Moment),
    bindparam("pauses", type_=ARRAY(Interval)),
    bindparam("first", type_=SmallInteger),
    bindparam("most", type_=SmallInteger),
)
"""Counts a failure by one statement; while the last one's delay lasts, it counts nothing and returns no row."""
_FREE_AT = text("SELECT streak, free_at FROM throttles WHERE key = :key").bindparams(
    bindparam("key", type_=LargeBinary)
)
_UNDO = text(
    """
    UPDATE throttles SET streak = greatest(streak - 1, 0), free_at = CASE WHEN free_at = :set THEN :now ELSE free_at END
    WHERE key = :key
    """
).bindparams(bindparam("key", type_=LargeBinary), bindparam("set", type_=Moment), bindparam("now", type_=Moment))
_CLEAR = text("DELETE FROM throttles WHERE key = :key").bindparams(bindparam("key", type_=LargeBinary))


@dataclass(frozen=True, slots=True)
class Delays:
    """The *first* failure in a row that delays; it and each further one by the next of *pauses*; the last one repeats.

    A streak of failures is *forgotten* so long after its last delay.
    """

    first: int
    pauses: tuple[timedelta, ...]
    forgotten: timedelta


@dataclass(frozen=True, slots=True)
class Row:
    """How many failures in a row there are now; none was counted when it still has to *wait*."""

    streak: int
    free_at: datetime
    wait: timedelta = timedelta(0)


def spending(key: bytes, *, delays: Delays, at: datetime) -> dict[str, object]:
    """The parameters of `COUNT`, to count a failure of *key*."""
    return {
        "key": key,
        "now": at,
        "begin": at - delays.forgotten,
        "pauses": list(delays.pauses),
        "first": delays.first,
        "most": delays.first + len(delays.pauses) - 1,
    }


async def waiting(tx: Tx, key: bytes, *, at: datetime) -> Row:
    """The row whose failure `COUNT` did not count. It is locked, although unchanged: nobody deletes it meanwhile."""
    row = (await tx.execute(_FREE_AT, {"key": key})).one()
    return Row(row.streak, row.free_at, row.free_at - at)


async def undo(tx: Tx, key: bytes, *, free_at: datetime, at: datetime) -> None:
    """Take one failure back, and with it the delay until *free_at* if it was this one's."""
    await tx.execute(_UNDO, {"key": key, "set": free_at, "now": at})


async def clear(tx: Tx, key: bytes) -> None:
    """End the streak of failures, and with it the delay."""
    await tx.execute(_CLEAR, {"key": key})
