"""Two senders as one: the second takes what the first turned away, so that codes still leave while a provider is ill.

Law: only what was surely not sent is handed on. An outcome that nobody can know stays so; no message ever leaves twice.
"""

import asyncio
import logging

from app.messages import Message
from app.senders.base import Sender, Sent

LOG = logging.getLogger("gatehouse.senders")


class Relay:
    def __init__(self, first: Sender, second: Sender) -> None:
        self._first = first
        self._second = second

    async def send(self, message: Message) -> Sent:
        sent = await self._first.send(message)
        if not sent.turned_away:
            return sent
        LOG.warning("sms_handed_on", extra={"sender": sent.sender, "purpose": message.purpose})
        return await self._second.send(message)

    async def close(self) -> None:
        await asyncio.gather(self._first.close(), self._second.close())
