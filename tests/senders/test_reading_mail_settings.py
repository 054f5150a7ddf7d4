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
        ("smtp://mail.example.com", True),
        ("smtp://192.0.2.1", True),
        ("smtp://mail.example.com?starttls=optional", None),
        ("smtp://127.0.0.1", None),
        ("smtp://localhost", None),
        ("smtp://[::1]", None),
        ("smtp://localhost?starttls=required", True),
        ("smtp://localhost?starttls=optional", None),
        ("smtp://mail.example.com?starttls=required", True),
        ("smtp://ada:secret@mail.example.com", True),
        ("smtp://ada:secret@192.0.2.1", True),
        ("smtp://ada:secret@127.0.0.1", None),
        ("smtp://ada:secret@localhost", None),
        ("smtp://ada:secret@localhost?starttls=optional", None),
        ("smtps://ada:secret@mail.example.com", False),
    ],
)
def test_what_goes_to_another_machine_demands_tls_unless_the_url_says_otherwise(
    url: str, start_tls: bool | None
) -> None:
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
        "smtp://ada:secret@mail.example.com?starttls=",
        "smtp://ada:secret@mail.example.com#x",
    ],
)
def test_an_address_that_cannot_work_is_named_but_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__SMTP_URL is not an SMTP address") as refusal:
        mail_sender(url)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_a_password_is_never_optional_to_hide() -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__SMTP_URL: a password crosses no open line") as refusal:
        mail_sender("smtp://ada:secret@mail.example.com?starttls=optional")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("smtp://mail.example.com?starttls=optional", True),
        ("smtp://mail.example.com", False),
        ("smtps://mail.example.com", False),
        ("smtp://127.0.0.1:25", False),
    ],
)
def test_mail_may_be_read_only_where_the_url_says_so(url: str, *, may: bool) -> None:
    assert read_url(SecretStr(url)).may_be_read is may


def test_a_missing_address_is_named() -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__SMTP_URL is not set"):
        SmtpSender(EmailSettings(), clock=ManualClock())


@pytest.mark.parametrize("sender", ["", "Gatehouse", "a@b, c@d", "x\r\nBcc: eve@example.com <a@b>", "ü@example.com"])
def test_a_from_that_cannot_work_is_named(sender: str) -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_EMAIL__FROM"):
        mail_sender("smtp://127.0.0.1:25", sender=sender)
