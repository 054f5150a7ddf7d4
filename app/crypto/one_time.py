"""Random one-time values: so long that a plain digest at rest is enough, which outlives a rotation of the key ring."""

import hashlib

from app.crypto import base64url
from app.crypto.chance import random_bytes

_BYTES = 32


def mint() -> str:
    """256 random bits, as base64url without padding."""
    return base64url.encode(random_bytes(_BYTES))


def digest(token: str) -> bytes:
    """SHA-256 of the text itself: no second spelling of a token is ever good."""
    return hashlib.sha256(token.encode()).digest()
