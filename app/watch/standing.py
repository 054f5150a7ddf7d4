"""How far the audit log is behind: how long a row waits for its link, and a link for its checkpoint.

Until somebody verifies, only this shows that somebody holds the sealer's lock, or deletes checkpoints.
"""

from dataclasses import dataclass
from datetime import timedelta

from app.crypto.audit_checkpoints import Checkpoints
from app.store import audit_chain, audit_repeats
from app.store.audit import StoredEvent
from app.store.database import Database, Tx
from app.watch.audit_keys import AuditKeys
from app.watch.vouching import LOOKED_AT, proved

OVERLAP = timedelta(seconds=60)
"""A row is committed at most so long after it was written (`statement_limit`), and clocks of a fail-over differ by less."""
UNSEALED = timedelta(seconds=60)
"""A working sealer leaves no row to wait longer than this for its link."""
LATE = timedelta(minutes=1)
"""A checkpoint that is overdue by so much is not late by chance."""
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Behind:
    """Ages: of the oldest row in no link, and of the oldest link that no checkpoint vouches for; 0: there is none."""

    unsealed: timedelta = timedelta(0)
    unvouched: timedelta = timedelta(0)


@dataclass(frozen=True)
class Standing:
    issuer: str
    database: Database
    keys: AuditKeys

    async def __call__(self) -> Behind:
        """Measure by the database's clock. Raises AuditKeyUnreadable, DatabaseUnavailable."""
        house = await self.keys.stored_house()
        if house is None:
            return Behind()
        async with self.database.read() as tx:
            return Behind(await _unsealed(tx), await _unvouched(tx, Checkpoints(self.issuer, house.proofs)))


async def _unsealed(tx: Tx) -> timedelta:
    """The age of the oldest unlinked row since the newest linked one; `verify` has to find what is inserted before."""
    latest, now = await audit_chain.latest(tx), await audit_chain.now(tx)
    since, rows = latest - OVERLAP if latest else None, list[StoredEvent]()
    while rows := await audit_chain.unlinked(tx, since=since, most=_BATCH, after=rows[-1] if rows else None):
        if waiting := await audit_repeats.without(tx, rows):
            return max(timedelta(0), now - waiting[0].written_at)
    return timedelta(0)


async def _unvouched(tx: Tx, checkpoints: Checkpoints) -> timedelta:
    known = proved(await audit_chain.newest_checkpoints(tx, most=LOOKED_AT), checkpoints)
    highest = max((one.seq for one in known), default=0)
    beyond, now = await audit_chain.in_order(tx, after=highest, most=1), await audit_chain.now(tx)
    return max(timedelta(0), now - beyond[0].link.sealed_at) if beyond else timedelta(0)
