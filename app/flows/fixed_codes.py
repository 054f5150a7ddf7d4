"""Test numbers: what is meant for one goes nowhere, and each time is an event. Their code is known to whoever was told it."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.clock import Clock
from app.events import Event
from app.messages import Delivery, Message
from app.senders.base import Sender, Sent
from app.settings.fixed_codes import FixedCode, fixed_code
from app.watch import audit


@dataclass(frozen=True, eq=False)
class FixedCodes:
    """Stands before the sender of SMS, which never hears of a message to one of *numbers* while its end has not come."""

    numbers: Iterable[FixedCode]
    sender: Sender
    clock: Clock

    async def send(self, message: Message) -> Sent:
        fixed = fixed_code(self.numbers, message.to, at=self.clock.now())
        if fixed is None:
            return await self.sender.send(message)
        audit.note(Event.TEST_NUMBER_USED, purpose=message.purpose, ends_with=fixed.number[-4:], until=fixed.until)
        return Sent(Delivery.ACCEPTED, sender="test number")

    async def close(self) -> None:
        await self.sender.close()
