"""Whether the audit log is what was written: recomputes every proof in the order of the chain, and says what does not agree.

It changes nothing and makes nothing. What the database alone could have forgotten is compared with checkpoints kept elsewhere.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress
from operator import not_

from app.crypto.audit import Proofs
from app.crypto.audit_checkpoints import Checkpoints
from app.crypto.signing import SigningKey
from app.flows.audit_defences import strangers
from app.flows.audit_key_faults import KeyFaults
from app.flows.audit_vouched import Known, Reading
from app.flows.audit_walk import Finding, Walk
from app.store import audit_chain, audit_faults, audit_repeats
from app.store.audit import StoredEvent
from app.store.audit_chain import Link, Linked
from app.store.database import Database
from app.watch.audit_keys import AuditKeys

_BATCH = 1000
_UNSEALED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Report:
    """*outside*: how many checkpoints that were given from elsewhere are of this chain; *newest* of them, and links *beyond*."""

    events: int = 0
    last: int = 0
    pruned: int = 0
    outside: int = 0
    newest: datetime | None = None
    beyond: int | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class VerifyAudit:
    """*signing_keys* gives those whose signatures can still be checked; *progress* is told how many links were looked at."""

    issuer: str
    database: Database
    keys: AuditKeys
    signing_keys: Sequence[SigningKey]
    progress: Callable[[int], None]

    async def __call__(self, given: Iterable[str] = ()) -> Report:
        """*given* are checkpoints that were kept elsewhere. Raises AuditKeyUnreadable, DatabaseUnavailable."""
        house = await self.keys.stored_house()
        if house is None:
            return await self._without_key(any(True for _ in given))
        proofs = house.proofs
        outside = self._reading(proofs).outside(given)
        walk = await self._walk(proofs, outside)
        newest = outside.newest
        return Report(
            events=walk.events,
            last=walk.seq,
            pruned=walk.begins_after,
            outside=outside.count,
            newest=newest.at if newest else None,
            beyond=max(0, walk.seq - newest.seq) if newest else None,
            findings=tuple(walk.findings),
        )

    async def of_what_goes(self, before: datetime, *, last: int) -> list[Finding]:
        """The same of links up to number *last*, and of rows from before *before* that none of them holds."""
        walk = await self._begin((await self.keys.house()).proofs, Known())
        async for linked in self._links():
            if linked.link.seq > last:
                break
            walk.step(linked)
        async for row in self._unlinked(walk, until=before):
            walk.outside(row, until=before)
        return walk.findings

    async def _walk(self, proofs: Proofs, outside: Known) -> Walk:
        """Once more when somebody pruned meanwhile: what they dropped was still to be looked at."""
        key_faults = KeyFaults(self.database, self.keys)
        while True:
            walk = await self._begin(proofs, outside)
            lost = await key_faults.lost(walk)
            await self._follow(walk)
            await self._ask(walk)
            walk.findings.extend(await key_faults(walk, lost))
            if not walk.findings or walk.begin == (await self._begin(proofs, outside)).begin:
                return walk

    async def _begin(self, proofs: Proofs, outside: Known) -> Walk:
        async with self.database.read() as tx:
            own = self._reading(proofs).own(await audit_chain.checkpoints(tx))
        ends = [known.pruned for known in (own, outside) if known.pruned]
        begin = max(ends, key=lambda one: one.seq, default=None)
        vouched: dict[int, list[bytes]] = {}
        for known in (own, outside):
            for seq, links in known.vouched.items():
                if begin is None or seq > begin.seq:
                    vouched.setdefault(seq, []).extend(links)
        return Walk(proofs, begin, vouched, findings=[*outside.faults, *own.faults])

    async def _follow(self, walk: Walk) -> None:
        async with self.database.read() as tx:
            until = await audit_chain.now(tx) - _UNSEALED
        async for linked in self._links():
            walk.step(linked)
        walk.end()
        async for row in self._unlinked(walk):
            walk.outside(row, until=until)

    async def _ask(self, walk: Walk) -> None:
        """What only the log as a whole shows."""
        async with self.database.read() as tx:
            walk.twice(await audit_faults.copies(tx, after=walk.begins_after))
            walk.findings.extend(strangers(await audit_faults.defences(tx)))

    async def _links(self) -> AsyncIterator[Linked]:
        """Whatever number it has: nothing is taken for looked at that was not."""
        after: Link | None = None
        looked = 0
        while True:
            async with self.database.read() as tx:
                page = await audit_chain.in_order(tx, after=after, most=_BATCH)
            for linked in page:
                yield linked
            if not page:
                return
            after, looked = page[-1].link, looked + len(page)
            self.progress(looked)

    async def _unlinked(self, walk: Walk, *, until: datetime | None = None) -> AsyncIterator[StoredEvent]:
        last: StoredEvent | None = None
        walked = (walk.begins_after, walk.seq)
        while True:
            async with self.database.read() as tx:
                page = await audit_chain.unlinked(tx, until=until, after=last, most=_BATCH, walked=walked)
                ours = [walk.proofs.holds(row.row, row.mac) for row in page]
                once = await audit_repeats.without(tx, [*compress(page, ours)], walked=walked)
            for row in [*compress(page, map(not_, ours)), *once]:
                yield row
            if len(page) < _BATCH:
                return
            last = page[-1]

    def _reading(self, proofs: Proofs) -> Reading:
        return Reading(Checkpoints(self.issuer, proofs), self.signing_keys)

    async def _without_key(self, given: bool) -> Report:
        """No event was ever written; or whoever removed them removed the key as well."""
        async with self.database.read() as tx:
            something = (
                await audit_chain.newest(tx) or await audit_chain.checkpoints(tx) or await audit_faults.has_events(tx)
            )
        if not (something or given):
            return Report()
        sentence = "The log's own key is gone from audit_keys: nothing of the log can be proved."
        return Report(findings=(Finding("key_removed", sentence),))
