"""Makes tokens as an attacker would, one piece at a time; unchanged, what it makes is a good access token."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.crypto.claims import Scope
from app.crypto.signing import KeySet, SigningKey
from app.crypto.tokens import Tokens
from app.problems import InvalidToken

ISSUER = "https://gatehouse.example"
USER = UUID("018f0000-0000-7000-8000-000000000001")
SESSION = UUID("018f0000-0000-7000-8000-000000000002")
SIGN_IN = UUID("018f0000-0000-7000-8000-000000000003")
LIFE = 600
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GONE = object()
"""As a value: leave this member out."""


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def as_json(members: Mapping[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in members.items() if value is not GONE}).encode()


def sign(signed: str, key: SigningKey) -> bytes:
    r, s = decode_dss_signature(key.private.sign(signed.encode(), ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


@dataclass(frozen=True)
class Forge:
    keys: KeySet
    now: int

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "ES256", "typ": "at+jwt", "kid": self.keys.access.kid}

    @property
    def claims(self) -> dict[str, Any]:
        return {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": str(USER),
            "jti": "018f0000-0000-7000-8000-00000000000a",
            "iat": self.now,
            "exp": self.now + LIFE,
            "scope": "full",
            "sid": str(SESSION),
            "auth_time": self.now,
            "acr": "urn:gatehouse:pwd",
            "amr": ["pwd"],
            "client_id": "gatehouse",
        }

    @property
    def pending_header(self) -> dict[str, Any]:
        return {"alg": "ES256", "typ": "mfa-pending+jwt", "kid": self.keys.internal.kid}

    @property
    def pending_claims(self) -> dict[str, Any]:
        own = {"aud": f"{ISSUER}#mfa", "jti": str(SIGN_IN), "scope": "mfa:verify"}
        absent = dict.fromkeys(("sid", "auth_time", "acr", "amr", "client_id"), GONE)
        return self.claims | own | absent

    def token(self, *, header: bytes | None = None, payload: bytes | None = None, key: SigningKey | None = None) -> str:
        """A token signed with *key* (by default the access key) over whatever bytes it is given."""
        signed = f"{b64(header or as_json(self.header))}.{b64(payload or as_json(self.claims))}"
        return f"{signed}.{b64(sign(signed, key or self.keys.access))}"

    def with_header(self, *, key: SigningKey | None = None, **changes: Any) -> str:
        return self.token(header=as_json(self.header | changes), key=key)

    def with_claims(self, **changes: Any) -> str:
        return self.token(payload=as_json(self.claims | changes))

    def pending(self, *, header: Mapping[str, Any] | None = None, key: SigningKey | None = None, **changes: Any) -> str:
        return self.token(
            header=as_json(self.pending_header | dict(header or {})),
            payload=as_json(self.pending_claims | changes),
            key=key or self.keys.internal,
        )

    def with_signature(self, signature: bytes, **changes: Any) -> str:
        signed = f"{b64(as_json(self.header | changes))}.{b64(as_json(self.claims))}"
        return f"{signed}.{b64(signature)}"


Make = Callable[[Forge], str]


def refused(tokens: Tokens, token: str) -> None:
    """Refused under every scope, with the words that every refusal has."""
    for scope in (Scope.FULL, Scope.MFA_PENDING):
        with pytest.raises(InvalidToken) as refusal:
            tokens.read(token, scope=scope)
        assert refusal.value.detail is None
        assert refusal.value.__cause__ is None
