"""Passwords: Argon2id (RFC 9106) by passlib's CryptContext, NFC-normalised, judged by length and a blocklist only.

NIST SP 800-63B-4 §3.1.1.2: no composition rules, the reason is given, the whole password is compared.
Hashing takes tens of milliseconds: call `hash` and `verify` through the pool.
"""

import unicodedata
from dataclasses import dataclass

from passlib.context import CryptContext
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from app.crypto.chance import random_bytes
from app.problems import PasswordBlocklisted, PasswordTooLong, PasswordTooShort
from app.settings.people import PasswordSettings

MAX_PASSWORD_SIZE = 4096
"""passlib refuses to hash more."""
_MOST_THAT_NFC_SHORTENS = 4
_SHORT = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """`better` is a hash to store instead: the stored one was made with weaker parameters."""

    right: bool
    better: str | None = None


class Passwords:
    def __init__(self, settings: PasswordSettings, *, shortest: int = 15) -> None:
        self._settings = settings
        self._shortest = shortest
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=settings.memory_kib,
            argon2__time_cost=settings.time_cost,
            argon2__parallelism=settings.parallelism,
        )
        self._common = frozenset(FREQUENCY_LISTS["passwords"])
        self._nobodys_hash = self._context.hash(random_bytes(16).hex())

    def hash(self, password: str) -> str:
        return self._context.hash(_normal(password))

    def verify(self, password: str, stored: str | None) -> Verdict:
        """Judge *password*; without a *stored* hash (an unknown user) it is wrong, after the same work."""
        normal = _normal(password)
        if len(normal) > MAX_PASSWORD_SIZE:  # NFC may lengthen; no stored password is that long
            normal, stored = normal[:MAX_PASSWORD_SIZE], None
        right, better = self._context.verify_and_update(normal, stored or self._nobodys_hash)
        return Verdict(right and stored is not None, better if stored else None)

    def refuse_weak(self, password: str, *, about: tuple[str, ...] = ()) -> None:
        """Refuse what NIST says to refuse; *about* names things of the user (their address) that are no password."""
        if len(password) > _MOST_THAT_NFC_SHORTENS * self._settings.max_length:
            raise PasswordTooLong(f"Use at most {self._settings.max_length} characters.")
        normal = _normal(password)
        if len(normal) < self._shortest:
            raise PasswordTooShort(f"Use at least {self._shortest} characters.")
        if len(normal) > self._settings.max_length:
            raise PasswordTooLong(f"Use at most {self._settings.max_length} characters.")
        folded = normal.casefold()
        if folded in {word.casefold() for word in about} or self._is_common(folded):
            raise PasswordBlocklisted

    def _is_common(self, folded: str) -> bool:
        """On the list, with or without blanks; or a listed or very short word over and over."""
        plain = "".join(folded.split())
        word = next(plain[:size] for size in range(1, len(plain) + 1) if _repeats(plain, size)) if plain else ""
        return folded in self._common or word in self._common or len(word) < _SHORT


def _repeats(text: str, size: int) -> bool:
    """Whether *text* is its first *size* characters over and over, the last time perhaps cut short."""
    return (text[:size] * (len(text) // size + 1)).startswith(text)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
