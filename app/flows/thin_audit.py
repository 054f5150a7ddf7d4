"""Thin out what outlives the months of the audit log: of old checkpoints one a day stays, and no key whose events were pruned.

What is not proved to be ours stays, for `verify` to tell of; so do checkpoints that tell how far the log was pruned.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.flows.audit_vouched import APART
from app.store import audit_chain, audit_partitions, audit_thinning
from app.store.audit_thinning import KeptCheckpoint
from app.store.database import Database

_WHOLE = timedelta(days=7)
"""Checkpoints that are younger all stay."""
_LEEWAY = timedelta(days=1)
"""A key is used for minutes after it was made, by a clock that is off by less than this."""
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Thinned:
    checkpoints: int = 0
    keys: int = 0


@dataclass(slots=True)
class _Looked:
    """*days*: the last checkpoint of each that was looked at; *others* may go. *pruned_before*: up to where the log is gone."""

    until: datetime
    days: dict[date, UUID] = field(default_factory=dict)
    others: list[UUID] = field(default_factory=list)
    pruned_before: datetime | None = None

    def add(self, kept: KeptCheckpoint, proved: Checkpoint) -> None:
        if proved.pruned_before:
            self.pruned_before = max(proved.pruned_before, self.pruned_before or proved.pruned_before)
            return
        if kept.at >= self.until or proved.seq != kept.seq or abs(proved.at - kept.at) > APART:
            return
        day = kept.at.astimezone(UTC).date()
        if day in self.days:
            self.others.append(self.days[day])
        self.days[day] = kept.id


@dataclass(frozen=True)
class ThinAudit:
    """*database* is entered as its owner."""

    database: Database
    checkpoints: Checkpoints

    async def __call__(self) -> Thinned:
        """Raises DatabaseUnavailable."""
        looked = await self._look()
        checkpoints = 0
        for begin in range(0, len(looked.others), _BATCH):
            async with self.database.begin() as tx:
                await audit_partitions.wait_shortly(tx)
                ids = looked.others[begin : begin + _BATCH]
                checkpoints += await audit_thinning.drop_checkpoints(tx, ids)
        before = looked.pruned_before
        return Thinned(checkpoints, await self._drop_keys(before - _LEEWAY) if before else 0)

    async def _look(self) -> _Looked:
        async with self.database.read() as tx:
            looked = _Looked(await audit_chain.now(tx) - _WHOLE)
        rows: list[KeptCheckpoint] = []
        while rows := await self._next(rows[-1] if rows else None):
            for kept in rows:
                if vouched := self.checkpoints.read(kept.token, keys=()):
                    looked.add(kept, vouched.checkpoint)
        return looked

    async def _next(self, after: KeptCheckpoint | None) -> list[KeptCheckpoint]:
        async with self.database.read() as tx:
            return await audit_thinning.checkpoints(tx, after=after, most=_BATCH)

    async def _drop_keys(self, before: datetime) -> int:
        ids: list[UUID] = []
        gone = 0
        while True:
            async with self.database.begin() as tx:
                await audit_partitions.wait_shortly(tx)
                ids = await audit_thinning.keys(tx, before=before, after=ids[-1] if ids else None, most=_BATCH)
                if not ids:
                    return gone
                gone += await audit_thinning.drop_keys(tx, ids)
