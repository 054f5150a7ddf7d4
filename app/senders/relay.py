"""Two senders as one: the second takes what the first turned away, so that codes still leave while a provider is ill.

Law: only what was surely not sent is handed on. An outcome that nobody can know stays so; no message ever leaves twice.
"""

import asyncio
import logging
from datetime import timedelta

from app.clock import Clock
from app.messages import Message
from app.senders.base import Sender, Sent

_GRACE_SECONDS = 1
"""A send that no thread took within half of the deadline is turned away a moment after that."""
LOG = logging.getLogger("gatehouse.senders")


class Relay:
    """Hands nothing on that the first turned away later than half of a *deadline*, so that both end in good time."""

    def __init__(self, first: Sender, second: Sender, *, deadline: timedelta, clock: Clock) -> None:
        self._first = first
        self._second = second
        self._latest = deadline.total_seconds() / 2
        self._clock = clock

    async def send(self, message: Message) -> Sent:
        began = self._clock.elapsed()
        sent = await self._first.send(message)
        if not sent.turned_away or self._clock.elapsed() - began > self._latest + _GRACE_SECONDS:
            return sent
        LOG.warning("sms_handed_on", extra={"sender": sent.sender, "purpose": message.purpose})
        return await self._second.send(message)

    async def close(self) -> None:
        await asyncio.gather(self._first.close(), self._second.close())
