"""Mail to a real SMTP server: what arrives, and what each refusal means."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.messages import Delivery, Message
from tests.senders.conftest import FROM, MAIL, mail_sender
from tests.standins.smtp import DROP, HANG, Mailbox, smtp_server


async def test_a_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    async with smtp_server(mailbox) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}").send(MAIL)).delivery is Delivery.ACCEPTED
    (mail,) = mailbox.mails
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@gatehouse.example", ["ada@example.com"])
    assert mail["From"] == FROM
    assert mail["To"] == "ada@example.com"
    assert mail["Subject"] == MAIL.subject
    assert mail["Date"].datetime == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert mail["Message-ID"].endswith("@gatehouse.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == MAIL.text


async def test_two_mails_have_different_message_ids(mailbox: Mailbox) -> None:
    async with smtp_server(mailbox) as port:
        sender = mail_sender(f"smtp://127.0.0.1:{port}")
        await asyncio.gather(sender.send(MAIL), sender.send(MAIL))
        await sender.close()
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 2


@pytest.mark.parametrize("answer", ["550 no such user", "451 later", "421 closing", DROP, HANG])
async def test_a_recipient_that_is_not_taken_means_surely_not_sent(mailbox: Mailbox, answer: str) -> None:
    mailbox.to_recipients.append(answer)
    async with smtp_server(mailbox) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}", timeout=0.3).send(MAIL)).delivery is Delivery.FAILED
    assert (mailbox.recipients_asked, mailbox.mails) == (1, [])


@pytest.mark.parametrize(
    ("answer", "delivery"),
    [
        ("554 spam", Delivery.FAILED),
        ("451 later", Delivery.FAILED),
        ("251 what", Delivery.UNKNOWN),
        (DROP, Delivery.UNKNOWN),
        (HANG, Delivery.UNKNOWN),
    ],
)
async def test_after_the_content_only_a_refusal_is_certain(mailbox: Mailbox, answer: str, delivery: Delivery) -> None:
    mailbox.to_content.append(answer)
    async with smtp_server(mailbox) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}", timeout=0.3).send(MAIL)).delivery is delivery
    assert len(mailbox.mails) == 1


async def test_where_nobody_listens_surely_nothing_was_sent(mailbox: Mailbox) -> None:
    async with smtp_server(mailbox) as port:
        pass
    assert (await mail_sender(f"smtp://127.0.0.1:{port}").send(MAIL)).delivery is Delivery.FAILED


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ada@example.com\r\nBcc: eve@example.com"},
        {"to": "ada@example.com, eve@example.com"},
        {"to": "ada@example.com> SIZE=1"},
        {"to": "Ada <ada@example.com>"},
        {"to": "ada@example.com\x00"},
        {"to": "ada"},
        {"subject": "Hello\r\nBcc: eve@example.com"},
        {"subject": "Hello\nX-Evil: 1"},
    ],
)
async def test_nothing_can_add_a_header_or_a_recipient(mailbox: Mailbox, change: dict[str, str]) -> None:
    async with smtp_server(mailbox) as port:
        mail: Callable[..., Message] = replace
        assert (await mail_sender(f"smtp://127.0.0.1:{port}").send(mail(MAIL, **change))).delivery is Delivery.FAILED
    assert mailbox.recipients_asked == 0


async def test_an_international_address_needs_a_server_that_takes_it(mailbox: Mailbox) -> None:
    mail = replace(MAIL, to="jürgen@example.com")
    async with smtp_server(mailbox, enable_SMTPUTF8=True) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}").send(mail)).delivery is Delivery.ACCEPTED
    async with smtp_server(mailbox, enable_SMTPUTF8=False) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}").send(mail)).delivery is Delivery.FAILED
    assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [["jürgen@example.com"]]
    assert mailbox.mails[0]["To"] == "jürgen@example.com"


@pytest.mark.parametrize("answer", ["250 OK", "554 no ada@example.com 481516", DROP])
async def test_no_log_holds_a_code_or_an_address(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    mailbox.to_content.append(answer)
    with caplog.at_level(logging.DEBUG, logger="gatehouse"):
        async with smtp_server(mailbox) as port:
            await mail_sender(f"smtp://127.0.0.1:{port}").send(MAIL)
    ours = [record for record in caplog.records if record.name.startswith(("gatehouse", "aiosmtplib"))]
    told = " ".join(f"{vars(record)}" for record in ours)
    assert "latency_ms" in told
    assert "481516" not in told
    assert "ada@" not in told
