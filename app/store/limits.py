"""Limits that all replicas share, by the generic cell rate algorithm: one row a key, all of a request's in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Interval, LargeBinary, bindparam, text

from app.store.database import Tx
from app.store.schema import Moment

_TAKE = text(
    """
    INSERT INTO limits AS l (key, full_at)
    SELECT b.key, :now + b.step FROM unnest(:keys, :steps) AS b (key, step) ORDER BY b.key
    ON CONFLICT (key) DO UPDATE SET full_at = greatest(l.full_at, :now) + (excluded.full_at - :now)
    RETURNING key, full_at
    """
).bindparams(
    bindparam("now", type_=Moment),
    bindparam("keys", type_=ARRAY(LargeBinary)),
    bindparam("steps", type_=ARRAY(Interval)),
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """*allowed* takes within *window*; `key` is a digest, so that the table says nothing about whom it limits."""

    key: bytes
    allowed: int
    window: timedelta


class Full(Exception):  # noqa: N818  named as the state it tells of
    """A bucket is full. Let it end the transaction, and nothing is spent."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__()
        self.retry_after = retry_after


async def take(tx: Tx, buckets: Sequence[Bucket], *, at: datetime) -> None:
    """Take one from every bucket, or raise Full. Exact under any number of parallel takes: rows stay locked to the end."""
    steps = [bucket.window / bucket.allowed for bucket in buckets]
    rows = await tx.execute(_TAKE, {"now": at, "keys": [bucket.key for bucket in buckets], "steps": steps})
    windows = {bucket.key: bucket.window for bucket in buckets}
    late = max((row.full_at - at - windows[row.key] for row in rows), default=timedelta(0))
    if late > timedelta(0):
        raise Full(late)
