"""What an operator sees of the SMS that were sent, tries out on them, and stops: beside the running service, at once for all of it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.events import Event
from app.factors.phones import is_region
from app.store import send_reports, sms_blocks
from app.store.database import Database, Tx
from app.store.send_reports import Country
from app.store.sms_blocks import Block
from app.watch import audit
from app.watch.redaction import Published
from app.watch.sms_blocking import LONGEST_PREFIX, SmsBlocking
from app.watch.sms_replay import Outcome, Replay
from app.watch.sms_rules import SmsRules

_PREFIX = re.compile(rf"\+[1-9][0-9]{{0,{LONGEST_PREFIX - 1}}}", re.ASCII)


class UnknownPlace(Exception):  # noqa: N818  named as the state it tells of
    """Neither a region nor a prefix of nine digits at most: a whole number is nobody's to keep here."""


@dataclass(frozen=True)
class SmsOperator:
    rules: SmsRules
    database: Database
    clock: Clock
    blocking: SmsBlocking
    by: str

    async def report(self, since: timedelta) -> list[Country]:
        """By country, the dearest first."""
        now = self.clock.now()
        async with self.database.read() as tx:
            return await send_reports.by_country(tx, since=now - since, before=now - self.rules.code_life)

    async def simulate(self, since: timedelta, rules: SmsRules, *, regions: Collection[str] | None) -> Outcome:
        """What *rules* would have done to everything that was asked for."""
        replay = Replay(rules, regions=regions)
        async with self.database.read() as tx:
            async for send in send_reports.replay(tx, since=self.clock.now() - since):
                replay.play(send)
        return replay.outcome

    async def block(self, label: str, *, lasting: timedelta | None, reason: str) -> Block:
        """Send nothing to a region, or to a prefix, not even to people whose number is known. Raises UnknownPlace."""
        now = self.clock.now()
        until = now + lasting if lasting else None
        block = Block(self.blocking.key(_place(label)), label, reason, until, now)
        await self.database.run(lambda tx: sms_blocks.put(tx, block))
        audit.note(Event.SMS_BLOCKED, what=Published(label), until=until, by=self.by, reason=reason)
        return block

    async def unblock(self, label: str) -> list[Block]:
        """End every block of *label*, the conversion breaker's too: what was sent before no longer counts for it."""
        keys, now = self.blocking.keys(_place(label)), self.clock.now()

        async def end(tx: Tx) -> list[Block]:
            return await sms_blocks.end(tx, keys, at=now)

        ended = await self.database.run(end)
        if ended:
            audit.note(Event.SMS_UNBLOCKED, what=Published(label), by=self.by)
        return ended

    async def blocks(self) -> list[Block]:
        """Those that stand, oldest first."""
        async with self.database.read() as tx:
            return await sms_blocks.standing(tx, at=self.clock.now())


def _place(label: str) -> str:
    if not is_region(label) and not _PREFIX.fullmatch(label):
        raise UnknownPlace
    return label
