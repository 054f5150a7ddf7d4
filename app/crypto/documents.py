"""Signed documents for other services: whoever trusts the key set can read them wherever they were kept (RFC 7515)."""

from collections.abc import Mapping
from typing import Any

import jwt

from app.crypto.signing import SigningKey


def sign(claims: Mapping[str, Any], *, typ: str, key: SigningKey) -> str:
    """A compact JWS. Its *typ* keeps it from being taken for a token, and a token for it (RFC 8725 §3.11)."""
    return jwt.encode(dict(claims), key.private, key.alg, {"typ": typ, "kid": key.kid})
