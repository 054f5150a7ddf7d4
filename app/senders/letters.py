"""Writes a message as an e-mail (RFC 5322, plain UTF-8 text, marked as automatic by RFC 3834). No value can add a header."""

import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, formataddr, getaddresses, make_msgid

from app.clock import Clock
from app.messages import Message

ONE_ADDRESS = re.compile(r"[^\s\x00-\x20\x7f\"(),:;<>@\[\\\]]+@[^\s\x00-\x20\x7f\"(),:;<>@\[\\\]]+")


@dataclass(frozen=True, slots=True)
class Letter:
    to: str = field(repr=False)
    content: bytes = field(repr=False)


class Letters:
    def __init__(self, sender: str, *, clock: Clock) -> None:
        name, self.address = _one_sender(sender)
        self.domain = self.address.rpartition("@")[2]
        self._from = formataddr((name, self.address))
        self._clock = clock

    def write(self, message: Message) -> Letter:
        """Write the e-mail. Raises ValueError unless `to` is exactly one address and the subject one line."""
        if not ONE_ADDRESS.fullmatch(message.to):
            raise ValueError("not one address")
        letter = EmailMessage(policy=SMTP if message.to.isascii() else SMTPUTF8)
        letter["From"] = self._from
        letter["To"] = message.to
        letter["Subject"] = message.subject
        letter["Date"] = format_datetime(self._clock.now())
        letter["Message-ID"] = make_msgid(domain=self.domain)
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.text, charset="utf-8", cte="quoted-printable")
        return Letter(to=message.to, content=letter.as_bytes())


def _one_sender(sender: str) -> tuple[str, str]:
    found = getaddresses([sender]) if sender.isprintable() else []
    if len(found) != 1 or not found[0][1].isascii() or not ONE_ADDRESS.fullmatch(found[0][1]):
        raise ValueError("GATEHOUSE_EMAIL__FROM is not a sender: set one such as Gatehouse <no-reply@example.com>.")
    return found[0]
