"""Where mail is handed over and who it comes from: what can't work stops the start and is named."""

import pytest
from pydantic import SecretStr

from app.senders.smtp import SmtpSender
from app.senders.smtp_address import read_url
from app.settings.email import EmailSettings
from tests.senders.conftest import mail_sender
from tests.standins.clock import ManualClock


@pytest.mark.parametrize(
    ("url", "start_tls"),
    [
        ("smtp://mail.example.com", None),
        ("smtp://mail.example.com?starttls=required", True),
        ("smtp://ada:secret@mail.example.com", True),
        ("smtp://ada:secret@192.0.2.1", True),
        ("smtp://ada:secret@127.0.0.1", None),
        ("smtp://ada:secret@localhost", None),
        ("smtps://ada:secret@mail.example.com", False),
    ],
)
def test_a_password_for_another_machine_demands_tls(url: str, start_tls: bool | None) -> None:
    server = read_url(SecretStr(url))
    assert server.start_tls is start_tls
    assert server.port == (465 if server.tls else 587)
    assert "secret" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.com:587",
        "http://mail.example.com",
        "smtp://:25",
        "smtp://ada:secret@mail.example.com:no",
        "smtp://ada:secret@mail.example.com/path",
        "smtp://ada:secret@mail.example.com?starttls=never",
        "smtp://ada:secret@mail.example.com#x",
    ],
)
def test_an_address_that_cannot_work_is_named_but_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__SMTP_URL is not an SMTP address") as refusal:
        mail_sender(url)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_missing_address_is_named() -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__SMTP_URL is not set"):
        SmtpSender(EmailSettings(), clock=ManualClock())


@pytest.mark.parametrize("sender", ["", "Gatehouse", "a@b, c@d", "x\r\nBcc: eve@example.com <a@b>", "ü@example.com"])
def test_a_from_that_cannot_work_is_named(sender: str) -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__FROM"):
        mail_sender("smtp://127.0.0.1:25", sender=sender)
