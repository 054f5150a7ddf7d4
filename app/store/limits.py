"""Rate limits that all replicas share, by the generic cell rate algorithm: one row per key, one statement per request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    Executable,
    FromClause,
    Interval,
    LargeBinary,
    Table,
    TableValuedAlias,
    bindparam,
    column,
    delete,
    func,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import TypeEngine

from app.store.database import Tx
from app.store.schema import Moment
from app.store.tables import limits, network_limits

_NOTHING = timedelta(0)


def filling(
    table: Table,
    name: str,
    *,
    among: Callable[[TableValuedAlias], FromClause] = lambda given: given,
    **also: TypeEngine[Any],
) -> CTE:
    """Fill each key of `{name}_keys` by its step in `{name}_steps`, in key order, so that such statements cannot deadlock.

    *among* joins what has to happen first, and decides which keys are filled; *also* are further arrays that it needs.
    """
    now = bindparam("now", type_=Moment)
    kinds: dict[str, TypeEngine[Any]] = {"key": LargeBinary(), "step": Interval(), **also}
    arrays = [bindparam(f"{name}_{what}s", type_=ARRAY(kind)) for what, kind in kinds.items()]
    given = func.unnest(*arrays).table_valued(*(column(what, kind) for what, kind in kinds.items())).render_derived()
    rows = select(given.c.key, now + given.c.step).select_from(among(given)).order_by(given.c.key)
    statement = insert(table).from_select(["key", "full_at"], rows)
    full_at = func.greatest(table.c.full_at, now) + (statement.excluded.full_at - now)
    filled = statement.on_conflict_do_update(index_elements=[table.c.key], set_={"full_at": full_at})
    return filled.returning(table.c.key, table.c.full_at).cte(name)


_DURABLE, _VOLATILE = select(filling(limits, "durable")), select(filling(network_limits, "volatile"))
_FILL: dict[tuple[bool, bool], Executable] = {
    (True, False): _DURABLE,
    (False, True): _VOLATILE,
    (True, True): union_all(_DURABLE, _VOLATILE),
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit: *allowed* within *window*; a take uses *cost* of it. `key` is a digest that does not tell whom it limits.

    A *volatile* bucket is kept in the unlogged table, which a crash empties.
    """

    key: bytes
    allowed: int
    window: timedelta
    volatile: bool = False
    cost: int = 1

    @property
    def step(self) -> timedelta:
        """How much one take fills, as a time."""
        return self.window / self.allowed * self.cost


@dataclass(frozen=True, slots=True)
class Taken:
    """One take of *bucket*; all of the limit is free again at `full_at` (GCRA: theoretical arrival time)."""

    bucket: Bucket
    full_at: datetime

    def late(self, at: datetime) -> timedelta:
        """How long the take came before there was room for it; zero or negative when there was."""
        return self.full_at - at - self.bucket.window

    def left(self, at: datetime) -> timedelta:
        """How much of this take has not drained by *at*."""
        return min(max(self.full_at - at, _NOTHING), self.bucket.step)


class Full(Exception):  # noqa: N818  named as the state it tells of
    """A bucket is full. Let the exception roll back the transaction, and nothing is taken."""

    def __init__(self, retry_after: timedelta, takes: Sequence[Taken]) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.takes = takes


async def take(tx: Tx, buckets: Sequence[Bucket], *, at: datetime) -> list[Taken]:
    """Take one from every bucket, or raise Full, with the takes that are rolled back with the transaction."""
    takes = await count(tx, buckets, at=at)
    late = max((taken.late(at) for taken in takes), default=_NOTHING)
    if late > _NOTHING:
        raise Full(late, takes)
    return takes


async def count(tx: Tx, buckets: Sequence[Bucket], *, at: datetime) -> list[Taken]:
    """Take one from every bucket, full or not. Exact under concurrency: rows stay locked until the transaction ends."""
    full_at = await _fill(tx, {bucket: bucket.step for bucket in buckets}, at)
    return [Taken(bucket, full_at[bucket.key]) for bucket in buckets]


async def give_back(tx: Tx, takes: Iterable[Taken], *, at: datetime) -> None:
    """Undo *takes*, except what has drained by now."""
    left = {taken.bucket: -taken.left(at) for taken in takes}
    await _fill(tx, {bucket: step for bucket, step in left.items() if step}, at)


async def empty(tx: Tx, buckets: Iterable[Bucket]) -> None:
    """Delete the buckets, as if nothing had been taken from them; not for volatile ones."""
    await tx.execute(delete(limits).where(limits.c.key.in_([bucket.key for bucket in buckets])))


async def _fill(tx: Tx, steps: Mapping[Bucket, timedelta], at: datetime) -> dict[bytes, datetime]:
    """Apply each bucket's step, and return its `full_at`. A negative step on a missing bucket leaves an empty one."""
    if not steps:
        return {}
    given = steps_of(steps)
    which = bool(given["durable_keys"]), bool(given["volatile_keys"])
    return {row.key: row.full_at for row in await tx.execute(_FILL[which], given | {"now": at})}


def steps_of(steps: Mapping[Bucket, timedelta]) -> dict[str, Any]:
    """The array parameters of `filling`, for both tables."""
    given: dict[str, Any] = {}
    for name, volatile in (("durable", False), ("volatile", True)):
        mine = {bucket.key: step for bucket, step in steps.items() if bucket.volatile is volatile}
        given |= {f"{name}_keys": list(mine), f"{name}_steps": list(mine.values())}
    return given
