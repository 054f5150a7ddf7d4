"""What an operator reads of the audit log: its newest events, and those that come. Who reads is noted before anything is shown."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.events import Event
from app.store import audit_chain, audit_reading
from app.store.audit import StoredEvent
from app.store.audit_reading import Wanted
from app.store.database import Database
from app.watch import audit
from app.watch.audit_keys import AuditKeys

_EVERY = 1.0
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Read:
    """An event with what its keys open: *personal* is None when it has none, or nobody can open it any more."""

    event: StoredEvent
    email: str | None
    personal: Mapping[str, str] | None


@dataclass
class ReadAudit:
    """*by*: who reads."""

    database: Database
    keys: AuditKeys
    by: str
    _begin: int = 0
    _shown: set[UUID] = field(default_factory=set)

    def note(self, wanted: Wanted, *, pattern: str | None) -> None:
        """To be written before anything is shown."""
        audit.note(Event.AUDIT_READ, user_id=wanted.user_id, events=pattern, since=wanted.since, by=self.by)

    async def newest(self, wanted: Wanted, *, most: int) -> list[Read]:
        """The newest that are wanted, be they in the chain already or not, oldest first."""
        async with self.database.read() as tx:
            link = await audit_chain.newest(tx)
            found = await audit_reading.newest(tx, wanted, most=most)
        self._begin, self._shown = link.seq if link else 0, {event.id for event in found}
        return await self._read(found)

    async def follow(self, wanted: Wanted) -> AsyncIterator[Read]:
        """Those that come after `newest`, as they get into the chain: none is missed, and none comes twice."""
        while True:
            async with self.database.read() as tx:
                page = await audit_chain.in_order(tx, after=self._begin, most=_PAGE)
            events = [linked.event for linked in page if linked.event and linked.event.id not in self._shown]
            for read in await self._read([event for event in events if wanted.has(event)]):
                yield read
            if page:
                self._begin = page[-1].link.seq
            if len(page) < _PAGE:
                await asyncio.sleep(_EVERY)

    async def _read(self, events: Sequence[StoredEvent]) -> list[Read]:
        personal = await self.keys.opened(events)
        async with self.database.read() as tx:
            emails = await audit_reading.emails(tx, {event.user_id for event in events if event.user_id})
        return [
            Read(event, emails.get(event.user_id) if event.user_id else None, personal.get(event.id))
            for event in events
        ]
