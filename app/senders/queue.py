"""Mails leave after the answer, from a bounded queue: waiting for SMTP inside a request would tell who exists."""

import asyncio
import logging
from datetime import timedelta
from typing import NoReturn

from app.messages import Message
from app.senders.base import Sender

LOG = logging.getLogger("gatehouse.senders")


class MailQueue:
    def __init__(self, sender: Sender, *, size: int, lanes: int = 4) -> None:
        self._sender = sender
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(size)
        self._lanes = lanes
        self._open = True

    @property
    def waiting(self) -> int:
        return self._waiting.qsize()

    @property
    def has_room(self) -> bool:
        return self._open and not self._waiting.full()

    def put(self, message: Message) -> bool:
        """Take a mail without waiting; False when it had to be dropped."""
        if not self.has_room:
            LOG.error("mail_dropped", extra={"reason": "full" if self._open else "closing", "purpose": message.purpose})
            return False
        self._waiting.put_nowait(message)
        return True

    async def run(self) -> None:
        """Send what comes, a few at a time, until cancelled."""
        await asyncio.gather(*(self._lane() for _ in range(self._lanes)))

    async def drain(self, *, within: timedelta) -> bool:
        """Take no more mails and let the waiting ones be sent; False when some were not sent in time."""
        self._open = False
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self._waiting.join()
        except TimeoutError:
            LOG.warning("mails_left_behind", extra={"waiting": self._waiting.qsize()})
            return False
        return True

    async def _lane(self) -> NoReturn:
        while True:
            message = await self._waiting.get()
            try:
                await self._sender.send(message)
            except Exception as error:  # noqa: BLE001 - one mail must not stop the others
                LOG.error("mail_sender_broke", extra={"error": type(error).__name__})  # noqa: TRY400 - a traceback may hold the mail
            finally:
                self._waiting.task_done()
