"""Chains the rows of the audit log under a numbering of its own: one process at a time, each second, blocking nobody.

Requests write rows and know nothing of the chain, so none waits for another; a row is in the chain a second later. A row
whose MAC is not ours gets no link, nor does one that is in the chain already.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from app.crypto.audit import GENESIS, Proofs
from app.crypto.tokens import Tokens
from app.problems import DatabaseUnavailable
from app.settings.audit import AuditSettings
from app.store import audit_chain, audit_repeats
from app.store.audit import StoredEvent
from app.store.audit_chain import Link
from app.store.database import Database, Tx
from app.watch.audit_keys import AuditKeys
from app.watch.logs import logger
from app.watch.redaction import Published
from app.watch.standing import LATE, OVERLAP, UNSEALED, Standing
from app.watch.vouching import Vouching

_LOOK_BACK = timedelta(days=1)
_SLICE = timedelta(minutes=15)
"""How much of a day one pass checks: at millions of events a day that takes a moment, and a whole day takes seconds."""
_EVERY = 1.0
_LOOK_EACH = 60
_BATCH = 2000
_MOST_AHEAD = timedelta(hours=1)
"""How far the database's clock may go back; the time of a link that is further ahead is ignored."""
_MOMENT = timedelta(microseconds=1)
_MOST_FOREIGN = 1000
_log = logger("gatehouse.audit")


class Sealer:
    def __init__(
        self, settings: AuditSettings, database: Database, *, issuer: str, keys: AuditKeys, tokens: Tokens
    ) -> None:
        self._every = settings.checkpoint_every
        self._database = database
        self._keys = keys
        self._standing = Standing(issuer, database, keys)
        self._vouching = Vouching(settings.checkpoint_every, issuer=issuer, tokens=tokens)
        self._back: datetime | None = None
        self._slices = _LOOK_BACK // _SLICE
        self._foreign: set[UUID] = set()

    async def run(self) -> None:
        """Seal until cancelled; skip turns in which the database is unavailable."""
        for turn in count(1):
            await asyncio.sleep(_EVERY)
            with suppress(DatabaseUnavailable):
                await self.seal()
                if turn % _LOOK_EACH == 0:
                    await self.look()

    async def look(self) -> None:
        """Log an error when links or checkpoints are overdue, whichever process should make them."""
        behind = await self._standing()
        if behind.unsealed > UNSEALED or behind.unvouched > self._every + LATE:
            ages = {"unsealed": behind.unsealed, "unvouched": behind.unvouched}
            _log.error("audit.behind", **{name: int(age.total_seconds()) for name, age in ages.items()})

    async def seal(self, *, last: bool = False) -> None:
        """Chain what was written, unless another process does so; if *last*, do not wait until a checkpoint is due."""
        proofs = (await self._keys.house()).proofs
        async with self._database.read() as tx:
            latest = await audit_chain.latest(tx)
        since = latest - OVERLAP if latest else None
        held = await self._look(proofs, since=since)
        await self._checkpoint(proofs, last=last)
        if held and not last:
            await self._look_back(proofs, since)

    async def _look_back(self, proofs: Proofs, since: datetime | None) -> None:
        """Chain a slice of the day before this process began: rows may be there that were committed after `OVERLAP`."""
        until = self._back or since
        if until and self._slices and await self._look(proofs, since=until - _SLICE, until=until + _MOMENT):
            self._back, self._slices = until - _SLICE, self._slices - 1

    async def finish(self) -> None:
        """Seal a last time, with a checkpoint of the end. What fails now is left to other processes, or to the next start."""
        try:
            await self.seal(last=True)
        except Exception as failure:  # noqa: BLE001  the process ends all the same
            _log.warning("audit.unsealed", exc_info=failure)

    async def _look(self, proofs: Proofs, *, since: datetime | None, until: datetime | None = None) -> bool:
        """Chain what was written in between; False when another process does so now."""
        rows: list[StoredEvent] | None = []
        while True:
            rows = await self._round(proofs, since=since, until=until, after=rows[-1] if rows else None)
            if rows is None or len(rows) < _BATCH:
                return rows is not None

    async def _round(
        self, proofs: Proofs, *, since: datetime | None, until: datetime | None, after: StoredEvent | None
    ) -> list[StoredEvent] | None:
        """Chain one batch, and return the rows checked; None if another process has the lock (per transaction)."""
        async with self._database.begin() as tx:
            if not await audit_chain.is_sealer(tx):
                return None
            rows = await audit_chain.unlinked(tx, since=since, until=until, most=_BATCH, after=after)
            ours = [row for row in rows if self._is_ours(proofs, row)]
            if once := _once(await audit_repeats.without(tx, ours)):
                newest, now = await audit_chain.newest(tx), await audit_chain.now(tx)
                await audit_chain.add(tx, _links(proofs, newest, once, now))
            return rows

    def _is_ours(self, proofs: Proofs, row: StoredEvent) -> bool:
        if proofs.holds(row.row, row.mac):
            return True
        if row.id not in self._foreign and len(self._foreign) < _MOST_FOREIGN:
            self._foreign.add(row.id)
            _log.error("audit.foreign", row=row.id)
        return False

    async def _checkpoint(self, proofs: Proofs, *, last: bool) -> None:
        """Make a checkpoint of the newest link, if due, and log it, so that it is not kept in the database alone."""
        async with self._database.begin() as tx:
            token = await self._vouch(tx, proofs, last=last)
        if token:
            _log.info("audit.checkpoint", checkpoint=Published(token))

    async def _vouch(self, tx: Tx, proofs: Proofs, *, last: bool) -> str | None:
        return await self._vouching.vouch(tx, proofs, last=last) if await audit_chain.is_sealer(tx) else None


def _once(rows: Sequence[StoredEvent]) -> list[StoredEvent]:
    first: dict[tuple[UUID, bytes], StoredEvent] = {}
    for row in rows:
        first.setdefault((row.id, row.mac), row)
    return [*first.values()]


def _links(proofs: Proofs, newest: Link | None, rows: Sequence[StoredEvent], now: datetime) -> list[Link]:
    """Link *rows*: times rise with the numbers, and none is before its event's, so that whole months can be dropped."""
    before, seq = (newest.link, newest.seq) if newest else (GENESIS, 0)
    last = max([*(row.written_at for row in rows), *([newest.sealed_at] if newest else [])])
    at = last if now < last < now + _MOST_AHEAD else now
    links = []
    for row in rows:
        seq += 1
        before = proofs.link(before, seq=seq, sealed_at=at, event_id=row.id, event_at=row.written_at, event_mac=row.mac)
        links.append(Link(seq, at, row.id, row.written_at, row.mac, before))
    return links
