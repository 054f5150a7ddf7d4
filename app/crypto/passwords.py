"""Passwords: Argon2id (RFC 9106) by passlib, NFC-normalised, judged by length and a blocklist only.

NIST SP 800-63B-4 §3.1.1.2: no composition rules, the reason is given, the whole password is compared.
Hashing takes tens of milliseconds: call `hash` and `verify` through the pool.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from passlib.hash import argon2

from app.clock import Clock, SystemClock
from app.crypto.chance import random_bytes
from app.crypto.hashes import Stored, normal, read, spellings, understand
from app.crypto.pace import Pace
from app.crypto.schemes import LONGEST_REPEATED
from app.problems import PasswordBlocklisted, PasswordTooLong, PasswordTooShort
from app.settings.people import PasswordSettings

MAX_PASSWORD_SIZE = 4096
"""passlib refuses to hash more."""
PROBES = ("", "x" * LONGEST_REPEATED)
"""The passwords that take a scheme the least and the most time."""
_MOST_THAT_NFC_SHORTENS = 4
_SHORT = 5
_PREFIX = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """*outdated*: hash the password anew once it has let somebody in. *rest*: the seconds that a refusal still has to wait."""

    right: bool
    outdated: bool = False
    rest: float = field(default=0.0, compare=False)


class Passwords:
    """*words*, such as the service's name and domain, count as common passwords, like those of the list."""

    def __init__(
        self,
        settings: PasswordSettings,
        *,
        shortest: int = 15,
        clock: Clock | None = None,
        words: Iterable[str] = (),
    ) -> None:
        self._settings = settings
        self._shortest = shortest
        self._clock = clock or SystemClock()
        self._argon2: Any = argon2.using(  # type: ignore[no-untyped-call]
            type="ID",
            memory_cost=settings.memory_kib,
            time_cost=settings.time_cost,
            parallelism=settings.parallelism,
        )
        self._of_house = {_plain(word.casefold()) for word in words}
        # Random, not computed: no password is known to match this either, and the start does not wait for it.
        drawn = self._argon2(use_defaults=True, checksum=random_bytes(self._argon2.checksum_size))
        self._nobodys_hash: str = drawn.to_string()
        self._nobody = understand(self._nobodys_hash)
        self.own = self._nobodys_hash.rsplit("$", 2)[0] + "$"
        self._pace = Pace(self._nobody.cost)

    def hash(self, password: str) -> str:
        hashed: str = self._argon2.hash(normal(password))
        return hashed

    def verify(self, password: str, stored: str | None) -> Verdict:
        """Judge *password*; without a *stored* hash (an unknown user) it is wrong, after the same work."""
        began = self._clock.elapsed()
        tried, right = self._try(password, read(stored) if stored else None)
        took = self._clock.elapsed() - began
        self._pace.note(tried.cost_for(password), took)
        foreign = right and not (stored or "").startswith(self.own)
        return Verdict(right, foreign and _can_be_hashed_anew(password, tried), self._pace.rest(took))

    def _try(self, password: str, known: Stored | None) -> tuple[Stored, bool]:
        """The hash that was computed, and whether the password is the user's."""
        if known:
            with suppress(ValueError):
                return known, known.fits(password)
        for spelling in spellings(password):
            self._argon2.verify(spelling[:MAX_PASSWORD_SIZE], self._nobodys_hash)
        return self._nobody, False

    def keep_pace(self, examples: Sequence[str]) -> None:
        """From now on a refusal takes as long as the slowest of these hashes, and of those met since."""
        known = [stored for stored in map(read, examples) if stored]
        self._pace.keep([stored.cost_for(password) for stored in known for password in PROBES])

    def refuse_weak(self, password: str, *, about: tuple[str, ...] = ()) -> None:
        """Refuse what NIST says to refuse; *about* names things of the user (their address) that are no password."""
        if len(password) > _MOST_THAT_NFC_SHORTENS * self._settings.max_length:
            raise PasswordTooLong(f"Use at most {self._settings.max_length} characters.")
        chosen = normal(password)
        if len(chosen) < self._shortest:
            raise PasswordTooShort(f"Use at least {self._shortest} characters.")
        if len(chosen) > self._settings.max_length:
            raise PasswordTooLong(f"Use at most {self._settings.max_length} characters.")
        folded = chosen.casefold()
        if folded in {word.casefold() for word in about}:
            raise PasswordBlocklisted("It is your e-mail address.")
        if self._is_common(folded):
            raise PasswordBlocklisted("It is on a list of common passwords, or repeats one.")

    def _is_common(self, folded: str) -> bool:
        """Whether it is on the list, with or without blanks, or repeats a listed or very short word."""
        plain = _plain(folded)
        word = next(plain[:size] for size in range(1, len(plain) + 1) if _repeats(plain, size)) if plain else ""
        common: frozenset[str] = import_module("app.crypto.common_passwords").COMMON
        return len(word) < _SHORT or any(text in common or text in self._of_house for text in (folded, word))


def _plain(folded: str) -> str:
    return "".join(folded.split())


def _can_be_hashed_anew(password: str, tried: Stored) -> bool:
    """Whether a hash of ours would accept the same passwords, no more and no less."""
    return tried.read_whole(password) and len(normal(password)) <= MAX_PASSWORD_SIZE


def same(left: str, right: str) -> bool:
    """Whether two spellings are one password."""
    return normal(left) == normal(right)


def breach_key(password: str) -> tuple[str, str]:
    """The password's SHA-1, split after five digits: the range to look up, and the entry to look for in it.

    The corpus of breached passwords is kept under SHA-1; nothing is protected by it here.
    """
    digest = hashlib.sha1(normal(password).encode(), usedforsecurity=False).hexdigest().upper()
    return digest[:_PREFIX], digest[_PREFIX:]


def _repeats(text: str, size: int) -> bool:
    """Whether *text* is its first *size* characters over and over, the last time perhaps cut short."""
    return (text[:size] * (len(text) // size + 1)).startswith(text)
