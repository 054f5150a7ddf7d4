"""Put everything that is sealed under the newest key of the ring, beside the running service.

Nothing is kept about how far it came: whoever runs it again finds what is left. What cannot be opened is named and never
overwritten. The signing keys come last, and only when no enrollment needs an older key: without that key no service starts before.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from uuid import UUID

from app.clock import Clock
from app.crypto.vault import CannotOpen
from app.events import Event
from app.flows.keys import Keys
from app.flows.reseal_audit import ResealAudit
from app.flows.states import States
from app.store import reseal, signing_keys
from app.store.database import Database, Tx
from app.store.reseal import Outcome, Renewed, Sealed, Waiting
from app.store.signing_keys import StoredKey
from app.watch import audit

_FIRST = UUID(int=0)
_PASSES = 10
_PAUSE = 0.2
"""Seconds: what was locked or changed in one pass is free in the next."""


@dataclass(frozen=True, slots=True)
class Tally:
    """`left`: rows that can be opened and are still not under the newest key."""

    resealed: int = 0
    cannot_open: frozenset[str] = frozenset()
    held_twice: frozenset[str] = frozenset()
    left: int = 0

    @property
    def complete(self) -> bool:
        return not (self.cannot_open or self.held_twice or self.left)

    def __add__(self, more: "Tally") -> "Tally":
        return Tally(
            self.resealed + more.resealed,
            self.cannot_open | more.cannot_open,
            self.held_twice | more.held_twice,
            self.left + more.left,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rows of how many were looked at in this pass, and how many of them were written."""

    looked: int
    of: int
    resealed: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was done, and what still hangs on the older keys of the ring. Codes are counted under whichever key they are."""

    enrollments: Tally
    signing_keys: Tally
    audit_keys: Tally
    sessions: Waiting
    codes: Waiting
    verifications: Waiting

    @property
    def complete(self) -> bool:
        return self.enrollments.complete and self.signing_keys.complete and self.audit_keys.complete


@dataclass(frozen=True)
class Reseal:
    """`older_keys` are the ids of the ring's keys but the newest; `head` is what a value under the newest begins with."""

    database: Database
    clock: Clock
    states: States
    keys: Keys
    audit_keys: ResealAudit
    head: bytes
    older_keys: tuple[bytes, ...]
    refresh_idle: timedelta
    batch: int
    progress: Callable[[Progress], None]
    by: str

    async def __call__(self) -> Report:
        report = await self._done()
        audit.note(
            Event.RING_RESEALED,
            enrollments=report.enrollments.resealed,
            signing_keys=report.signing_keys.resealed,
            audit_keys=report.audit_keys.resealed,
            complete=report.complete,
            by=self.by,
        )
        return report

    async def _done(self) -> Report:
        enrolled = await self._enrollments()
        signing = await self._signing_keys(touch=not (enrolled.held_twice or enrolled.left))
        logged = Tally(**asdict(await self.audit_keys()))
        if not self.older_keys:
            return Report(enrolled, signing, logged, Waiting(), Waiting(), Waiting())
        now = self.clock.now()
        async with self.database.read() as tx:
            return Report(
                enrolled,
                signing,
                logged,
                await reseal.sessions_under(tx, self.older_keys, idle=self.refresh_idle, at=now),
                await reseal.codes(tx, at=now),
                await reseal.verifications(tx, at=now),
            )

    async def _enrollments(self) -> Tally:
        """Pass after pass until one finds nothing to do: only that one proves that nothing is left."""
        total = Tally()
        for _ in range(_PASSES):
            found = await self._pass()
            for row in sorted(found.cannot_open - total.cannot_open):
                audit.note(Event.CANNOT_OPEN, enrollment_id=row)
            changed = found.resealed + found.left
            total = replace(found, resealed=total.resealed + found.resealed, left=changed)
            if not changed:
                break
            await asyncio.sleep(_PAUSE)
        return total

    async def _pass(self) -> Tally:
        async with self.database.read() as tx:
            total = await reseal.count(tx, head=self.head)
        tally, after, looked = Tally(), _FIRST, 0
        while rows := await self._next(after):
            tally += await self._reseal(rows)
            after, looked = rows[-1].enrollment.id, looked + len(rows)
            self.progress(Progress(looked, max(total, looked), tally.resealed))
        return tally

    async def _next(self, after: UUID) -> list[Sealed]:
        async with self.database.read() as tx:
            return await reseal.next_batch(tx, head=self.head, after=after, most=self.batch)

    async def _reseal(self, rows: list[Sealed]) -> Tally:
        """Open and seal with no transaction open, then write in one short one."""
        renewed, unreadable = [], set()
        for row in rows:
            try:
                renewed.append(self._renewed(row))
            except (CannotOpen, LookupError, ValueError):
                unreadable.add(str(row.enrollment.id))
        wanted = [row for row in renewed if row]
        outcome = await self._write(wanted) if wanted else Outcome()
        return Tally(
            resealed=len(outcome.written),
            cannot_open=frozenset(unreadable),
            held_twice=frozenset(map(str, outcome.held_twice)),
            left=len(wanted) - len(outcome.written) - len(outcome.held_twice),
        )

    async def _write(self, rows: list[Renewed]) -> Outcome:
        async with self.database.begin() as tx:
            return await reseal.renew(tx, rows)

    def _renewed(self, row: Sealed) -> Renewed | None:
        """None when all of it is under the newest key. Raises CannotOpen, or what a state that makes no sense raises."""
        enrollment, index = row.enrollment, row.unique_index
        is_new = enrollment.state.startswith(self.head)
        state = enrollment.state if is_new else self.states.reseal(enrollment)
        if index is not None:
            index = next(iter(self.states.indexes(enrollment)), None)
        if is_new and index == row.unique_index:
            return None
        return Renewed(enrollment.id, enrollment.state, state, index)

    async def _signing_keys(self, *, touch: bool) -> Tally:
        async with self.database.begin() as tx:
            await signing_keys.one_at_a_time(tx)
            stored = [key for key in await signing_keys.all_keys(tx) if key.private]
            old = [key for key in stored if not key.private.startswith(self.head)]
            if not touch:
                return Tally(left=len(old))
            return sum([await self._signing_key(tx, key) for key in old], Tally())

    async def _signing_key(self, tx: Tx, key: StoredKey) -> Tally:
        try:
            private = self.keys.reseal(key)
        except CannotOpen:
            audit.note(Event.CANNOT_OPEN, table="signing_keys", row=key.kid[:8])
            return Tally(cannot_open=frozenset({key.kid}))
        written = await reseal.renew_signing_key(tx, key.kid, old=key.private, private=private)
        return Tally(resealed=1) if written else Tally(left=1)
