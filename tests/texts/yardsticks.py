"""What messages are measured with, written apart from the app: the letters of GSM-7, and the last line's parser."""

from dataclasses import dataclass

import app.texts
from app.texts import Texts

render, choose = Texts().render, Texts().choose
"""Of our own templates, without an operator's and without a last line."""
LANGUAGES = sorted(app.texts.LANGUAGES)
SMS_WITH_CODE = ("sign_in", "confirm", "step_up")
SMS = (*SMS_WITH_CODE, "phone_changed_sms")
LONGEST_BRAND = "W" * 20
LONGEST_ORIGIN = f"{'w' * 28}.example.com"
APP_HASH = "FA+9qCX9VSu"
VALUES = {
    "brand": LONGEST_BRAND,
    "code": "481516",
    "minutes": "10",
    "remaining": "7",
    "link": "LINK",
    "hours": "72",
}

GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_DOUBLE = set("^{}\\[~]|€\f")


def sms_count(text: str) -> int:
    """Messages that a network bills: 160 septets or 70 UCS-2 units in one, 153 or 67 in each of several."""
    foreign = set(text) - GSM_7 - GSM_7_DOUBLE
    length = sum(2 if (ord(letter) > 0xFFFF if foreign else letter in GSM_7_DOUBLE) else 1 for letter in text)
    alone, joined = (70, 67) if foreign else (160, 153)
    if length <= alone:
        return 1
    return (length + joined - 1) // joined


@dataclass
class _Line:
    text: str
    position: int = 0

    def past_the_end(self) -> bool:
        return self.position >= len(self.text)

    def space(self) -> bool:
        if self.past_the_end() or self.text[self.position] != " ":
            return False
        self.position += 1
        return True

    def marked_token(self, marker: str) -> str | None:
        """The specification's "extract a marked token"."""
        if self.past_the_end() or self.text[self.position] != marker:
            return None
        self.position += 1
        start = self.position
        while not self.past_the_end() and self.text[self.position] not in "\t\n\f\r ":
            self.position += 1
        return self.text[start : self.position] or None


def origin_bound(message: str) -> tuple[str, str] | None:
    """Host and code as the specification's "parse an origin-bound one-time code message" finds them.

    https://wicg.github.io/sms-one-time-codes/#parsing; what follows the code and a space is ignored.
    """
    line = _Line(message.replace("\r\n", "\n").replace("\r", "\n").split("\n")[-1])
    host = line.marked_token("@")
    if host is None or not line.space():
        return None
    code = line.marked_token("#")
    return None if code is None else (host, code)
