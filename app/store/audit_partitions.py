"""The monthly partitions of the audit log: made ahead, and dropped whole, only by the owner of the schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Boolean, and_, exists, func, literal_column, or_, select, text

from app.problems import DatabaseUnavailable
from app.store.database import Tx
from app.store.records import read_all
from app.store.tables import audit_events, audit_links

Parent: TypeAlias = Literal["audit_events", "audit_links"]

_MONTHS = text(
    """
    SELECT p.relname AS parent, c.relname AS name,
        to_timestamp(right(c.relname, 6) || '01 00:00:00+00', 'YYYYMMDD HH24:MI:SSTZH') + interval '0' AS begins
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_class AS p ON p.oid = i.inhparent
    WHERE p.relname IN ('audit_events', 'audit_links') AND p.relnamespace = current_schema()::regnamespace
    AND c.relname ~ '_[0-9]{6}$'
    ORDER BY begins, parent
    """
)
_LIES_IN_DEFAULT = literal_column("audit_links.tableoid = to_regclass('audit_links_default')", Boolean)
_NAME = text("SELECT set_config('gatehouse.partition', :name, true)")
_WAIT_SHORTLY = text("SET LOCAL lock_timeout = '500ms'")
_HELD = {"40P01", "55P03"}
"""SQLSTATEs: deadlock_detected, lock_not_available."""
_DROP = text("DO $$ BEGIN EXECUTE format('DROP TABLE %I', current_setting('gatehouse.partition')); END $$")


@dataclass(frozen=True, slots=True)
class Month:
    """The monthly partition of one table that begins at *begins* (UTC)."""

    parent: Parent
    name: str
    begins: datetime

    @property
    def ends(self) -> datetime:
        return self.begins.replace(year=self.begins.year + self.begins.month // 12, month=self.begins.month % 12 + 1)


async def months(tx: Tx) -> list[Month]:
    return read_all(Month, await tx.execute(_MONTHS))


async def make(tx: Tx, *, months: int) -> int:
    """Make the missing partitions from this month on; return how many were made."""
    made = await tx.scalar(
        text("SELECT audit_make_partitions((now() AT TIME ZONE 'utc')::date, :months)"), {"months": months}
    )
    return int(made or 0)


async def last_link(tx: Tx, *, before: datetime) -> tuple[int, bytes] | None:
    """The last link before those that stay: those that were sealed, or whose event was written, at *before* or later.

    The time of sealing decides a link's partition; the time its event was written is proved.
    """
    stays = or_(audit_links.c.sealed_at >= before, audit_links.c.event_at >= before, _LIES_IN_DEFAULT)
    first = await tx.scalar(select(func.min(audit_links.c.seq)).where(stays))
    if first is None:
        return None
    statement = select(audit_links.c.seq, audit_links.c.link).where(audit_links.c.seq < first)
    found = (await tx.execute(statement.order_by(audit_links.c.seq.desc()).limit(1))).one_or_none()
    return (found[0], found[1]) if found else None


async def is_disordered(tx: Tx, *, before: datetime, last: int) -> bool:
    """Whether links after number *last* would be dropped with those up to it."""
    goes = and_(audit_links.c.sealed_at < before, ~_LIES_IN_DEFAULT, audit_links.c.seq > last)
    return bool(await tx.scalar(select(exists().where(goes))))


async def count(tx: Tx, *, before: datetime) -> int:
    """How many events were written before *before*."""
    statement = select(func.count()).select_from(audit_events).where(audit_events.c.written_at < before)
    return int((await tx.execute(statement)).scalar_one())


async def wait_shortly(tx: Tx) -> None:
    """Set a short lock_timeout: our wait for a partition lock would block everybody who writes the log."""
    await tx.execute(_WAIT_SHORTLY)


def was_held(failure: DatabaseUnavailable) -> bool:
    """Whether *failure* is that lock timeout, or a deadlock."""
    return getattr(getattr(failure.__cause__, "orig", None), "sqlstate", None) in _HELD


async def drop(tx: Tx, gone: Sequence[Month]) -> None:
    for month in gone:
        await tx.execute(_NAME, {"name": month.name})
        await tx.execute(_DROP)
