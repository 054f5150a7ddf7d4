"""Signatures of callbacks: Plivo's, which are verified, and those of our own webhooks (Standard Webhooks), which are made.

Plivo's V2 covers the address alone, V3 the form too, but without separators between names and values: whoever accepts
a form must know every name in it. Neither has a timestamp, so a nonce may be used only once.
"""

import base64
import hmac
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

from pydantic import SecretStr

Form: TypeAlias = Sequence[tuple[str, str]]
SECRET_PREFIX = "whsec_"  # noqa: S105  how such a secret begins
_SECRET_BYTES = range(24, 65)


@dataclass(frozen=True, slots=True)
class Signature:
    """What one family of headers says: any of `values` may be the right one."""

    version: Literal["V2", "V3"]
    nonce: str
    values: tuple[str, ...] = field(repr=False)


def verified(
    signatures: Iterable[Signature], *, address: str, form: Form, tokens: Sequence[str]
) -> frozenset[tuple[str, str]]:
    """The versions of *signatures* that are valid, with their nonces: none when nothing proves who is calling.

    All of them: if only one nonce were spent, the other version could be replayed.
    """
    return frozenset(
        (one.version, one.nonce) for one in signatures if _right(one, _signed_text(one, address, form), tokens)
    )


def _right(signature: Signature, text: str, tokens: Sequence[str]) -> bool:
    """Each value is compared with each token's, in constant time."""
    expected = [_mac(token.encode(), text.encode()).encode() for token in tokens]
    found = [hmac.compare_digest(own, value.encode()) for own in expected for value in signature.values]
    return any(found)


def _signed_text(signature: Signature, address: str, form: Form) -> str:
    base, _, query = address.partition("?")
    if signature.version == "V2":
        return base + signature.nonce
    asked = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(query, keep_blank_values=True)))
    told = "".join(name + value for name, value in sorted(form))
    parameters = ".".join(part for part in (asked, told) if part)
    return ".".join((f"{base}?{parameters}" if parameters else base, signature.nonce))


def sign(body: bytes, *, message_id: str, at: datetime, secret: bytes) -> str:
    """The `webhook-signature` of *body*, over its id and the second it is sent in, too."""
    signed = b".".join((message_id.encode(), str(int(at.timestamp())).encode(), body))
    return f"v1,{_mac(secret, signed)}"


def read_secret(given: SecretStr | None) -> bytes:
    """The bytes of `whsec_` + base64. Raises ValueError, with a sentence, for any other form, and for too few or too many."""
    text = given.get_secret_value() if given else ""
    with suppress(ValueError):
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        if text.startswith(SECRET_PREFIX) and len(secret) in _SECRET_BYTES:
            return secret
    raise ValueError(
        "GATEHOUSE_SMS__FALLBACK_WEBHOOK_SECRET is not a secret: write `whsec_` and 24 to 64 random bytes in base64."
    )


def _mac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, "sha256")).decode()
