"""What the tests of senders share: a stand-in provider, a sender on it, a clock."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.messages import Channel, Message, Purpose
from app.senders.plivo import PlivoSender
from app.senders.smtp import SmtpSender
from app.settings.email import EmailSettings
from app.settings.groups import SmsSettings
from tests.standins.clock import ManualClock
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn
from tests.standins.smtp import Mailbox

MakeSender = Callable[..., PlivoSender]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def sms_sender(plivo: PlivoStandIn, clock: ManualClock) -> AsyncIterator[MakeSender]:
    """Makes senders on the stand-in, and closes them."""
    async with AsyncExitStack() as stack:

        def make(**settings: Any) -> PlivoSender:
            sender = PlivoSender(sms_settings(**({"plivo_base_url": plivo.url} | settings)), clock=clock)
            stack.push_async_callback(sender.close)
            return sender

        yield make


def sms_settings(**changes: Any) -> SmsSettings:
    settings = {
        "plivo_auth_id": AUTH_ID,
        "plivo_auth_token": SecretStr(AUTH_TOKEN),
        "plivo_src": "GATEHOUSE",
        "threads": 2,
        "deadline": timedelta(seconds=5),
    }
    return SmsSettings.model_validate(settings | changes)


def sms(**changes: Any) -> Message:
    message = Message(
        channel=Channel.SMS,
        to="+4915112345678",
        purpose=Purpose.SIGN_IN,
        text="481516 is your code",
        code="481516",
        lifetime=timedelta(minutes=5),
    )
    return replace(message, **changes)


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.005)


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Why each send ended as it did, as the log says."""
    return [vars(record)["reason"] for record in caplog.records if hasattr(record, "reason")]


MAIL = Message(
    channel=Channel.EMAIL,
    to="ada@example.com",
    purpose=Purpose.VERIFY_EMAIL,
    subject="481516 ist Ihr Code für Gatehouse",
    text="481516 ist Ihr Code.\n.\nGrüße",
    code="481516",
)
FROM = "Gäte House <no-reply@gatehouse.example>"


def mail_sender(url: str, *, timeout: float = 5, sender: str = FROM) -> SmtpSender:
    settings = EmailSettings(smtp_url=SecretStr(url), sender=sender, timeout=timedelta(seconds=timeout))
    return SmtpSender(settings, clock=ManualClock())


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()
