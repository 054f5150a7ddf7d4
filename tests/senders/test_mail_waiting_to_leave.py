"""The queue between an answer and its mail."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from app.messages import Channel, Delivery, Message, Purpose
from app.senders.base import Sent
from app.senders.queue import MailQueue

MAIL = Message(channel=Channel.EMAIL, to="ada@example.com", purpose=Purpose.NOTICE, text="hello")
SOON = timedelta(seconds=2)


@dataclass
class Postman:
    """Delivers when the gate is open, and `quick` mails at any time; the mail that says `break` breaks it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[str] = field(default_factory=list)

    async def send(self, message: Message) -> Sent:
        if message.text != "quick":
            await self.gate.wait()
        if message.text == "break":
            raise RuntimeError(message.to)
        self.sent.append(message.text)
        return Sent(Delivery.ACCEPTED)

    async def close(self) -> None:
        """It holds nothing."""


@asynccontextmanager
async def running(queue: MailQueue) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_mails_leave_after_they_were_put() -> None:
    postman = Postman()
    postman.gate.set()
    queue = MailQueue(postman, size=10)
    assert queue.put(MAIL)
    assert postman.sent == []
    async with running(queue):
        assert await queue.drain(within=SOON)
    assert postman.sent == ["hello"]


async def test_a_full_queue_drops_a_mail_at_once_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    queue = MailQueue(Postman(), size=2)
    assert [queue.put(MAIL) for _ in range(3)] == [True, True, False]
    (record,) = caplog.records
    assert (record.name, record.getMessage(), vars(record)["reason"]) == ("gatehouse.senders", "mail_dropped", "full")
    assert "ada@" not in f"{vars(record)}"


async def test_a_sender_that_breaks_stops_no_other_mail(caplog: pytest.LogCaptureFixture) -> None:
    postman = Postman()
    postman.gate.set()
    queue = MailQueue(postman, size=10, lanes=1)
    async with running(queue):
        for text in ("one", "break", "two"):
            queue.put(replace(MAIL, text=text))
        assert await queue.drain(within=SOON)
    assert postman.sent == ["one", "two"]
    (record,) = (record for record in caplog.records if record.levelno >= logging.ERROR)
    assert vars(record)["error"] == "RuntimeError"
    assert "ada@" not in f"{vars(record)}"


async def test_a_slow_mail_does_not_hold_the_others() -> None:
    postman = Postman()
    queue = MailQueue(postman, size=10)
    async with running(queue):
        queue.put(MAIL)
        queue.put(replace(MAIL, text="quick"))
        await asyncio.sleep(0.05)
        assert postman.sent == ["quick"]


async def test_draining_lets_what_waits_leave_and_takes_nothing_more() -> None:
    postman = Postman()
    queue = MailQueue(postman, size=10, lanes=2)
    async with running(queue):
        for _ in range(6):
            queue.put(MAIL)
        draining = asyncio.create_task(queue.drain(within=SOON))
        await asyncio.sleep(0.01)
        assert not queue.put(MAIL)
        postman.gate.set()
        assert await draining
    assert postman.sent == ["hello"] * 6


async def test_draining_ends_in_time_and_says_what_was_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    queue = MailQueue(Postman(), size=10, lanes=1)
    async with running(queue):
        for _ in range(3):
            queue.put(MAIL)
        assert not await queue.drain(within=timedelta(seconds=0.05))
    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["waiting"]) == ("mails_left_behind", 2)
