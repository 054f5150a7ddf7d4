"""Stored hashes, ours and those that other systems left behind: what each costs, and whether a password fits it.

A hash above its scheme's bound is never computed, so that no import can make the service hash for minutes.
"""

import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from app.crypto.schemes import LONGEST_REPEATED, SCHEMES, Scheme

OURS = "$argon2id$"
_LONGEST = 512
_UNSAID_ROUNDS = "5000"
"""The rounds of a SHA-crypt hash that does not state them; every other scheme states its numbers."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A hash that was parsed and may be computed. `cost` is the same text for all that take the same work."""

    scheme: Scheme
    cost: str
    text: str = field(repr=False)

    def fits(self, password: str) -> bool:
        """Whether *password* is right. Raises ValueError where the scheme cannot say: NUL, malformed salt, too long.

        Other systems compared what was typed, so it is not normalised for them. Argon2id may be ours or theirs.
        """
        typed = spellings(password) if self.text.startswith(OURS) else (password,)
        if max(len(spelling.encode()) for spelling in typed) > self.scheme.longest:
            raise ValueError("The password is longer than the scheme takes.")
        return any(self.scheme.check(spelling, self.text) for spelling in typed)

    def cost_for(self, password: str) -> str:
        """The `cost` of an attempt with *password*: some schemes take longer over a long one."""
        is_long = self.scheme.longest == LONGEST_REPEATED and len(password.encode()) > LONGEST_REPEATED // 4
        return f"{self.cost} long" if is_long else self.cost

    def read_whole(self, password: str) -> bool:
        """Whether the scheme reads all of *password*: then no other one is right, which a new hash would refuse."""
        return self.scheme.reads is None or len(password.encode()) < self.scheme.reads


def understand(text: str) -> Stored:
    """Parse a hash. Raises ValueError, with a sentence that never holds it, if it cannot be verified here (imports)."""
    scheme, numbers, plain = _parse(text)
    if scheme is None:
        raise ValueError("It is no hash of a scheme that is known here.")
    cost = " ".join([scheme.name, *(f"{name}={number}" for name, number in numbers.items())])
    if not scheme.bound(numbers):
        raise ValueError(f"It costs too much to be computed at every sign-in: {cost}.")
    return Stored(scheme, cost, plain)


def read(text: str) -> Stored | None:
    """As `understand`, and None for what it refuses."""
    with suppress(ValueError):
        return understand(text)
    return None


def normal(password: str) -> str:
    """NFC (NIST SP 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def spellings(password: str) -> tuple[str, ...]:
    """The password as we hash it (NFC), and as it was typed, if that differs."""
    return tuple(dict.fromkeys((normal(password), password)))


def _parse(text: str) -> tuple[Scheme | None, Mapping[str, int], str]:
    """The scheme, numbers and text of a hash, without the word that Django puts before common formats."""
    plain = text.removeprefix("argon2").removeprefix("bcrypt$")
    for scheme in SCHEMES if len(text) <= _LONGEST else ():
        if found := scheme.form.fullmatch(plain):
            return scheme, {name: int(value) for name, value in found.groupdict(_UNSAID_ROUNDS).items()}, plain
    return None, {}, plain
