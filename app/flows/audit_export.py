"""Export the audit log: the events of a span, in the order of their chain, in the words of OCSF, however many there are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.events import Event
from app.flows.ocsf import written
from app.store import audit_chain, audit_reading
from app.store.audit_chain import Linked
from app.store.database import Database
from app.watch import audit
from app.watch.audit_keys import AuditKeys

_PAGE = 1000


@dataclass(frozen=True)
class ExportAudit:
    """*version* is that of the service, *by* who exports; *with_personal*: network addresses and agents, opened."""

    database: Database
    keys: AuditKeys
    version: str
    by: str
    with_personal: bool = False

    def note(self, *, since: datetime | None = None, until: datetime | None = None, after: int | None = None) -> None:
        """To be written before anything leaves."""
        audit.note(
            Event.AUDIT_EXPORTED, since=since, until=until, after=after, with_personal=self.with_personal, by=self.by
        )

    async def __call__(
        self, *, since: datetime | None = None, until: datetime | None = None, after: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Of what was written from *since* on and before *until*, by the database's time; a page is held at a time.

        Or whatever is in the chain beyond link *after*, however late it got there: whoever goes on from the last link that they
        have misses nothing.
        """
        async with self.database.read() as tx:
            first, last = await audit_reading.span(tx, since=since, until=until)
        after = first - 1 if after is None else after
        while after < last:
            async with self.database.read() as tx:
                page = await audit_chain.in_order(tx, after=after, most=min(_PAGE, last - after))
            if not page:  # its months were dropped meanwhile
                return
            for told in await self._told([one for one in page if _is_within(one, since, until)]):
                yield told
            after = page[-1].link.seq

    async def _told(self, page: list[Linked]) -> list[dict[str, Any]]:
        events = [linked.event for linked in page if linked.event]
        opened = await self.keys.opened(events) if self.with_personal else None
        return [written(linked.link, linked.event, opened, self.version) for linked in page if linked.event]


def _is_within(linked: Linked, since: datetime | None, until: datetime | None) -> bool:
    """Rows that are written at one time may be chained a moment apart."""
    at = linked.link.event_at
    return (since is None or at >= since) and (until is None or at < until)
