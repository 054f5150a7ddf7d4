"""Random numbers (law 8): drawn by `secrets` and nothing else, in this file and nowhere else."""

import secrets
from datetime import datetime
from uuid import UUID

_RANDOM_BITS = 74


def new_id(at: datetime) -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): milliseconds of *at*, then 74 random bits; sorts by time, cannot be guessed."""
    millis = int(at.timestamp() * 1000)
    chance = secrets.randbits(_RANDOM_BITS)
    high, low = chance >> 62, chance & ((1 << 62) - 1)
    return UUID(int=millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def six_digits() -> str:
    """A code of the RFC 4226 kind: uniform over 000000-999999."""
    return f"{secrets.randbelow(1_000_000):06}"


def random_bytes(count: int) -> bytes:
    return secrets.token_bytes(count)


def below(limit: int) -> int:
    """A uniform number from 0 to *limit* - 1."""
    return secrets.randbelow(limit)
