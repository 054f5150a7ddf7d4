"""Carry the outbox's notices to the mail server: at least once each, later and later while it refuses."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.flows.undo_links import UndoLinks
from app.messages import Delivery
from app.problems import DatabaseUnavailable
from app.senders.base import Sender
from app.store import outbox
from app.store.database import Database
from app.store.outbox import Notice

_EVERY = 1.0
_MOST = 4
_BESIDE = timedelta(seconds=30)
"""What a lease has for the database, beside the mails."""
_LONGEST_PAUSE = timedelta(hours=1)
_log = logging.getLogger("gatehouse.outbox")


@dataclass(frozen=True)
class Outbox:
    """*longest*: how long the sender may take for one mail. They leave one after the other."""

    database: Database
    clock: Clock
    undo_links: UndoLinks
    sender: Sender
    longest: timedelta

    async def run(self) -> None:
        """Carry until cancelled."""
        while True:
            try:
                carried = await self.carry()
            except DatabaseUnavailable:
                carried = 0
            if carried < _MOST:
                await asyncio.sleep(_EVERY)

    async def carry(self) -> int:
        """Carry what is due, and say how many were tried. What is claimed here, no other replica touches meanwhile."""
        lease = _MOST * self.longest + _BESIDE
        async with self.database.read() as tx:
            claimed = await outbox.claim(tx, lease=lease, most=_MOST, at=self.clock.now())
        for notice, tries in claimed:
            await self._carry(notice, tries)
        return len(claimed)

    async def _carry(self, notice: Notice, tries: int) -> None:
        delivery = await self._send(notice)
        async with self.database.begin() as tx:
            if delivery == Delivery.ACCEPTED:
                await outbox.sent(tx, notice.id)
                return
            pause = min(_LONGEST_PAUSE, timedelta(seconds=2.0 ** min(tries, 12)))
            await outbox.postpone(tx, notice.id, until=self.clock.now() + pause)
        _log.warning("notice postponed", extra={"notice_id": str(notice.id), "tries": tries})

    async def _send(self, notice: Notice) -> Delivery:
        """One notice that cannot be written must not hold up the others."""
        try:
            return (await self.sender.send(self.undo_links.posted(notice))).delivery
        except Exception:  # noqa: BLE001  whatever is wrong with it, the next one may be right
            _log.exception("notice cannot be sent", extra={"notice_id": str(notice.id)})
            return Delivery.FAILED
