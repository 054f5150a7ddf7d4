"""E-mail through SMTP: one connection per mail, certificates verified, no password over an unencrypted connection.

Law: a failure after the mail's content began to be sent is UNKNOWN; any earlier one, and every refusal, is FAILED.
"""

import asyncio
import logging
import ssl
from contextlib import suppress

from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPResponseException

from app.clock import Clock
from app.messages import Delivery, Message
from app.senders.base import Sent
from app.senders.letters import Letter, Letters
from app.senders.smtp_address import Server, read_url
from app.settings.email import GOODBYE, EmailSettings

LOG = logging.getLogger("gatehouse.senders")
REFUSAL = 400
Outcome = tuple[Delivery, str]


class SmtpSender:
    def __init__(self, settings: EmailSettings, *, clock: Clock) -> None:
        self._clock = clock
        self._server = read_url(settings.smtp_url)
        self._letters = Letters(settings.sender, clock=clock)
        self._timeout = settings.timeout.total_seconds()
        self._tls = ssl.create_default_context()

    async def send(self, message: Message) -> Sent:
        began = self._clock.elapsed()
        delivery, reason = await self._send(message)
        _log(delivery, reason, message, seconds=self._clock.elapsed() - began)
        return Sent(delivery, "smtp")

    async def refuses(self) -> str | None:
        """Connect, sign in and say goodbye; None when that went well, else a word for why not."""
        client = self._client(self._server)
        try:
            async with asyncio.timeout(self._timeout):
                await client.connect()
        except Exception as error:  # noqa: BLE001 - whatever it is, mail cannot be handed over
            return _give_up(error, client)
        finally:
            await _goodbye(client)
        return None

    async def close(self) -> None:
        """Nothing to let go of: each mail has its own connection."""

    async def _send(self, message: Message) -> Outcome:
        try:
            letter = self._letters.write(message)
        except ValueError:
            return Delivery.FAILED, "malformed"
        client = self._client(self._server)
        try:
            return await self._open(client, letter) or await self._hand_over(client, letter)
        finally:
            await _goodbye(client)

    async def _open(self, client: SMTP, letter: Letter) -> Outcome | None:
        """Do everything before the content: connect, give sender and recipient. None means: go on."""
        try:
            async with asyncio.timeout(self._timeout):
                await client.connect()
                await _address(client, letter, sender=self._letters.address)
        except Exception as error:  # noqa: BLE001 - nothing was handed over, whatever it was
            return Delivery.FAILED, _give_up(error, client)
        return None

    async def _hand_over(self, client: SMTP, letter: Letter) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                await client.data(letter.content)
        except Exception as error:  # noqa: BLE001 - only a refusal is certain
            refused = isinstance(error, SMTPResponseException) and error.code >= REFUSAL
            return Delivery.FAILED if refused else Delivery.UNKNOWN, _give_up(error, client)
        return Delivery.ACCEPTED, "taken"

    def _client(self, server: Server) -> SMTP:
        return SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls,
            start_tls=server.start_tls,
            tls_context=self._tls,
            timeout=self._timeout,
            local_hostname=self._letters.domain,  # its default asks DNS, and blocks
        )


async def _address(client: SMTP, letter: Letter, *, sender: str) -> None:
    options = [] if letter.to.isascii() else ["SMTPUTF8"]
    if options and not await _takes_utf8(client):
        raise SMTPNotSupported("SMTPUTF8")
    await client.mail(sender, options=options)
    await client.rcpt(letter.to, encoding="utf-8")


async def _takes_utf8(client: SMTP) -> bool:
    await client.ehlo()
    return client.supports_extension("smtputf8")


def _give_up(error: Exception, client: SMTP) -> str:
    """Return a word for the log: a server's own text may repeat the address. After a timeout, close at once."""
    if isinstance(error, TimeoutError):
        client.close()
    return f"smtp_{error.code}" if isinstance(error, SMTPResponseException) else type(error).__name__


async def _goodbye(client: SMTP) -> None:
    with suppress(SMTPException, OSError):
        await client.quit(timeout=GOODBYE.total_seconds())
    client.close()


def _log(delivery: Delivery, reason: str, message: Message, *, seconds: float) -> None:
    level = logging.INFO if delivery is Delivery.ACCEPTED else logging.WARNING
    LOG.log(
        level,
        "mail_%s",
        delivery,
        extra={"reason": reason, "purpose": message.purpose, "latency_ms": round(seconds * 1000)},
    )
