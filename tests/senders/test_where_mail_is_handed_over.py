"""TLS, passwords and addresses: no mail over a line that is not trusted, no password over an open one."""

import ssl
from pathlib import Path

import pytest

from app.messages import Delivery
from tests.senders.conftest import MAIL, mail_sender
from tests.standins.certificate import certificate, server_context
from tests.standins.smtp import Mailbox, smtp_server


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context with a self-made certificate, which this process trusts from here on."""
    path = tmp_path / "server.pem"
    path.write_bytes(certificate())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return server_context(path)


async def test_starttls_is_used_when_it_is_offered(mailbox: Mailbox, tls: ssl.SSLContext) -> None:
    async with smtp_server(mailbox, tls_context=tls) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}").send(MAIL)).delivery is Delivery.ACCEPTED
    assert mailbox.encrypted == [True]


async def test_starttls_that_is_required_and_not_offered_means_no_mail(mailbox: Mailbox) -> None:
    async with smtp_server(mailbox) as port:
        assert (await mail_sender(f"smtp://127.0.0.1:{port}?starttls=required").send(MAIL)).delivery is Delivery.FAILED
    assert mailbox.recipients_asked == 0


async def test_another_machine_that_offers_no_starttls_gets_no_mail_unless_the_url_says_so(mailbox: Mailbox) -> None:
    """Whoever stands in between can strip the offer. 0.0.0.0 is this machine, by an address that is not loopback."""
    async with smtp_server(mailbox) as port:
        assert (await mail_sender(f"smtp://0.0.0.0:{port}").send(MAIL)).delivery is Delivery.FAILED
        assert mailbox.recipients_asked == 0
        url = f"smtp://0.0.0.0:{port}?starttls=optional"
        assert (await mail_sender(url).send(MAIL)).delivery is Delivery.ACCEPTED
    assert mailbox.encrypted == [False]


async def test_smtps_signs_in_with_the_decoded_password(mailbox: Mailbox, tls: ssl.SSLContext) -> None:
    options = {"authenticator": mailbox.authenticate, "auth_require_tls": False}
    async with smtp_server(mailbox, tls=tls, **options) as port:
        url = f"smtps://ada%40example.com:p%3A%2F%40ss@127.0.0.1:{port}"
        assert (await mail_sender(url).send(MAIL)).delivery is Delivery.ACCEPTED
    assert mailbox.logins == [("ada@example.com", "p:/@ss")]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_that_is_not_trusted_means_no_mail(
    mailbox: Mailbox, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    options = {"tls": tls} if scheme == "smtps" else {"tls_context": tls}
    async with smtp_server(mailbox, **options) as port:
        assert (await mail_sender(f"{scheme}://127.0.0.1:{port}").send(MAIL)).delivery is Delivery.FAILED
    assert mailbox.recipients_asked == 0
