"""The audit log for operators and auditors: its newest rows, and a span of its chain. Nothing is ever changed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from app.store.audit import COLUMNS, StoredEvent
from app.store.database import Tx
from app.store.records import read_all
from app.store.schema import among
from app.store.tables import audit_events, audit_links, users


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody looks for: of a user, of these names, written at *since* or later; None: any."""

    user_id: UUID | None = None
    events: frozenset[str] | None = None
    since: datetime | None = None

    def has(self, event: StoredEvent) -> bool:
        return (
            (self.user_id is None or event.user_id == self.user_id)
            and (self.events is None or event.event in self.events)
            and (self.since is None or event.written_at >= self.since)
        )


async def newest(tx: Tx, wanted: Wanted, *, most: int) -> list[StoredEvent]:
    """The newest matching events, in the order they were written."""
    where: list[ColumnElement[bool]] = []
    if wanted.user_id:
        where.append(audit_events.c.user_id == wanted.user_id)
    if wanted.events is not None:
        where.append(among(audit_events.c.event, sorted(wanted.events)))
    if wanted.since:
        where.append(audit_events.c.written_at >= wanted.since)
    order = (audit_events.c.written_at.desc(), audit_events.c.id.desc())
    rows = await tx.execute(select(*COLUMNS).where(*where).order_by(*order).limit(most))
    return read_all(StoredEvent, rows)[::-1]


async def emails(tx: Tx, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """The addresses of those users who still exist."""
    rows = await tx.execute(select(users.c.id, users.c.email).where(users.c.id.in_(user_ids)))
    return {row.id: row.email for row in rows}


async def span(tx: Tx, *, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The numbers of the first and the last link whose event was written from *since* on and before *until*; (1, 0): none."""
    where: list[ColumnElement[bool]] = []
    if since:
        where.append(audit_links.c.event_at >= since)
    if until:
        where.append(audit_links.c.event_at < until)
    bounds = select(func.min(audit_links.c.seq), func.max(audit_links.c.seq)).where(*where)
    first, last = (await tx.execute(bounds)).one()
    return (1, 0) if first is None else (first, last)
