"""A real SMTP server (aiosmtpd) inside the test's own loop, on a free port; a script says how it receives each mail."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

DROP = "drop"
HANG = "hang"


@dataclass
class Mailbox:
    """What the server received, and what it answers: a line such as "550 no", DROP or HANG; taken when empty."""

    to_recipients: deque[str] = field(default_factory=deque)
    to_content: deque[str] = field(default_factory=deque)
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    recipients_asked: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _: Session, envelope: Envelope, address: str, __: list[str]
    ) -> str:
        self.recipients_asked += 1
        if self.to_recipients:
            return await self._misbehave(server, self.to_recipients.popleft())
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self.mails.append(message_from_bytes(content, policy=policy.default))
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        if self.to_content:
            return await self._misbehave(server, self.to_content.popleft())
        return "250 OK"

    def authenticate(self, *arguments: Any) -> AuthResult:
        login = arguments[-1]
        assert isinstance(login, LoginPassword)
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=True)

    async def _misbehave(self, server: SMTP, answer: str) -> str:
        if answer == HANG:
            await asyncio.sleep(60)
        if answer == DROP:
            transport: Any = server.transport
            transport.abort()
        return answer


@asynccontextmanager
async def smtp_server(mailbox: Mailbox, *, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """Serve until the block ends; the value is the port."""
    loop = asyncio.get_running_loop()
    settings: dict[str, Any] = {"loop": loop, "ident": "stand-in", "hostname": "localhost"} | options
    server = await loop.create_server(lambda: SMTP(mailbox, **settings), "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
