"""The outbox beside that of another replica, while each mail takes as long as it may."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from app.crypto.keys import KeyRing
from app.crypto.undos import UndoTokens
from app.flows.letters import Letters
from app.flows.outbox import Outbox
from app.flows.undo_links import UndoLinks
from app.messages import Delivery, Message
from app.senders.base import Sent
from app.settings.email import EmailSettings
from app.store import outbox
from app.store.database import Database
from app.store.outbox import Notice
from app.texts import Texts
from tests.standins.clock import ManualClock
from tests.world import KEY

LINKS = UndoLinks(
    "https://app.example/undo",
    timedelta(hours=72),
    UndoTokens(KeyRing([SecretStr(KEY)])),
    Letters("Gatehouse", timedelta(minutes=5), Texts()),
)


@dataclass
class Slow:
    """Takes all the time that it has; meanwhile the *other* replica looks for what is due."""

    clock: ManualClock
    takes: timedelta
    other: Outbox | None = None
    sent: Counter[str] = field(default_factory=Counter)

    async def send(self, message: Message) -> Sent:
        self.sent[message.to] += 1
        self.clock.forward(self.takes)
        if self.other:
            await self.other.carry()
        return Sent(Delivery.ACCEPTED)

    async def close(self) -> None: ...


@pytest.mark.parametrize("seconds", [1, 20, 120])
async def test_no_mail_goes_twice_however_long_each_may_take(database: Database, seconds: int) -> None:
    clock, longest = ManualClock(), EmailSettings(timeout=timedelta(seconds=seconds)).longest
    first, second = Slow(clock, longest), Slow(clock, longest)
    first.other = Outbox(database, clock, LINKS, second, longest)
    async with database.begin() as tx:
        for nth in range(4):
            notice = Notice(uuid4(), f"ada{nth}@example.test", "factor_locked", "en", {})
            await outbox.add(tx, notice, at=clock.now())
    assert await Outbox(database, clock, LINKS, first, longest).carry() == 4
    assert (sorted(first.sent.values()), second.sent) == ([1, 1, 1, 1], Counter())
