"""The last line of an SMS with a code, and the length of an SMS.

The last line binds the code to a website (WICG origin-bound one-time codes: exactly `@host #code`, nothing after the
code but a blank and what a browser ignores) and names the Android app that may read it (SMS Retriever).
"""

from collections.abc import Iterable
from dataclasses import dataclass

_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_DOUBLE = frozenset("^{}\\[~]|€\f")
_RETRIEVER_BYTES = 140


def is_gsm_7(text: str) -> bool:
    """Whether the text costs 7 bits a letter (3GPP TS 23.038 §6.2.1); one other letter makes all of it UCS-2."""
    return set(text) <= _GSM_7 | _GSM_7_DOUBLE


def units(text: str) -> int:
    """How many messages a network carries and bills for this text."""
    if is_gsm_7(text):
        return _parts(len(text) + sum(letter in _GSM_7_DOUBLE for letter in text), alone=160, joined=153)
    return _parts(len(text.encode("utf-16-be")) // 2, alone=70, joined=67)


def _parts(length: int, *, alone: int, joined: int) -> int:
    return 1 if length <= alone else -(-length // joined)


@dataclass(frozen=True, slots=True)
class LastLine:
    origin: str | None = None
    app_hash: str | None = None

    def end(self, forms: Iterable[str], *, code: str | None) -> str:
        """Return the cheapest form of a text, the first of equals, with the last line, if there is a code."""
        return min((self._ended(words, code) for words in forms), key=lambda text: self._cost(text, code))

    def fits(self, text: str, *, code: str | None) -> bool:
        """Whether `end`'s text fits one SMS, or two with a last line and letters beyond GSM-7, and the app's limit."""
        too_long_for_app, count = self._cost(text, code)
        bound = code is not None and self != LastLine()
        return not too_long_for_app and count <= (2 if bound and not is_gsm_7(text) else 1)

    def _ended(self, words: str, code: str | None) -> str:
        bound = f"@{self.origin} #{code}" if self.origin else None
        line = " ".join(part for part in (bound, self.app_hash) if part)
        return f"{words}\n\n{line}" if line and code is not None else words

    def _cost(self, text: str, code: str | None) -> tuple[bool, int]:
        """Compare by whether it is too long for the app to read (Android's SMS Retriever), then by what is billed."""
        retrieved = self.app_hash is not None and code is not None
        return retrieved and len(text.encode()) > _RETRIEVER_BYTES, units(text)
