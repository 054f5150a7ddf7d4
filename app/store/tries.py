"""An attempt at a password: one statement counts a failure and takes from limits, or takes both back.

The streak of failures is locked first: whoever waits for it has locked no limit that others want.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    FromClause,
    Select,
    SmallInteger,
    TableValuedAlias,
    bindparam,
    delete,
    func,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.types import TypeEngine

from app.store.database import Tx
from app.store.limits import Bucket, Taken, filling, steps_of
from app.store.prepared import Prepared
from app.store.schema import UNHURRIED
from app.store.tables import limits, network_limits, throttles
from app.store.throttles import COUNT, Delays, Row, spending, waiting

_COUNTED = COUNT.columns(throttles.c.key, throttles.c.free_at, throttles.c.streak).cte("counted")
_FAILURE = select(_COUNTED.c.key, _COUNTED.c.free_at.label("full_at"), _COUNTED.c.streak)
_CLEARED = delete(throttles).where(throttles.c.key == bindparam("key")).returning(throttles.c.key).cte("cleared")


def _once_counted(given: TableValuedAlias) -> FromClause:
    """Take nothing unless the failure was counted; from `first` buckets only by the first failure in a row."""
    return given.join(_COUNTED, or_(~given.c.first, _COUNTED.c.streak == 1))


def _once_cleared(given: TableValuedAlias) -> FromClause:
    """Take in any case, once the streak of failures is deleted. If a crash loses this, the attempt counts as failed."""
    return given.join(select(func.count()).select_from(_CLEARED).subquery("done"), UNHURRIED)


def _filled(among: Callable[[TableValuedAlias], FromClause], **also: TypeEngine[Any]) -> list[Select[Any]]:
    tables = {"durable": limits, "volatile": network_limits}
    filled = [filling(table, name, among=among, **also) for name, table in tables.items()]
    return [select(one.c.key, one.c.full_at, null().cast(SmallInteger).label("streak")) for one in filled]


_SPEND = Prepared(union_all(_FAILURE, *_filled(_once_counted, first=Boolean())))
_REFUND = Prepared(union_all(*_filled(_once_cleared)))


async def spend(
    tx: Tx, key: bytes, *, delays: Delays, takes: Sequence[Bucket], by_first: Collection[Bucket], at: datetime
) -> tuple[Row, list[Taken]]:
    """Count a failure of *key*, and take one from each of *takes*; of *by_first* only by the first failure in a row.

    While the last failure's delay lasts nothing is counted, and nothing taken.
    """
    wanted = [*takes, *by_first]
    given = steps_of({bucket: bucket.step for bucket in wanted})
    firsts = {bucket.key for bucket in by_first}
    for name in ("durable", "volatile"):
        given[f"{name}_firsts"] = [key in firsts for key in given[f"{name}_keys"]]
    rows = {row.key: row for row in await _SPEND.rows(tx, given | spending(key, delays=delays, at=at))}
    if key not in rows:
        return await waiting(tx, key, at=at), []
    counted = Row(rows[key].streak, rows[key].full_at)
    return counted, [Taken(bucket, rows[bucket.key].full_at) for bucket in wanted if bucket.key in rows]


async def refund(tx: Tx, key: bytes, *, back: Sequence[Taken], takes: Sequence[Bucket], at: datetime) -> list[Taken]:
    """End the streak of failures of *key*, undo *back*, except what has drained by now, and take one from each of *takes*."""
    steps = {taken.bucket: -taken.left(at) for taken in back} | {bucket: bucket.step for bucket in takes}
    rows = await _REFUND.rows(tx, steps_of(steps) | {"key": key, "now": at})
    full_at = {row.key: row.full_at for row in rows}
    return [Taken(bucket, full_at[bucket.key]) for bucket in takes]
