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
from app.settings.groups import PasswordSettings


@dataclass(frozen=True, slots=True)
class Verdict:
    """`better` is a hash to store instead: the stored one was made with weaker parameters."""

    right: bool
    better: str | None = None


class Passwords:
    def __init__(self, settings: PasswordSettings, *, shortest: int) -> None:
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
        right, better = self._context.verify_and_update(_normal(password), stored or self._nobodys_hash)
        return Verdict(right and stored is not None, better if stored else None)

    def refuse_weak(self, password: str, *, about: tuple[str, ...] = ()) -> None:
        """Refuse what NIST says to refuse; *about* names things of the user (their address) that are no password."""
        normal = _normal(password)
        if len(normal) < self._shortest:
            raise PasswordTooShort(f"Use at least {self._shortest} characters.")
        if len(normal) > self._settings.max_length:
            raise PasswordTooLong(f"Use at most {self._settings.max_length} characters.")
        folded = normal.casefold()
        if folded in self._common or folded in {word.casefold() for word in about} or len(set(folded)) == 1:
            raise PasswordBlocklisted


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)
