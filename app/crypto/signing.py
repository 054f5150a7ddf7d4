"""Signing keys: one algorithm each, named by the RFC 7638 thumbprint of their public half."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

_COORDINATE_BYTES = 32


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ES256 key pair; it never prints itself."""

    private: EllipticCurvePrivateKey
    kid: str
    alg: str = "ES256"

    @classmethod
    def new(cls) -> "SigningKey":
        return cls.of(generate_private_key(SECP256R1()))

    @classmethod
    def of(cls, private: EllipticCurvePrivateKey) -> "SigningKey":
        return cls(private, _thumbprint(_members(private.public_key())))

    @classmethod
    def from_der(cls, der: bytes) -> "SigningKey":
        private = load_der_private_key(der, password=None)
        if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
            raise TypeError("not a key on P-256")
        return cls.of(private)

    def to_der(self) -> bytes:
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def jwk(self) -> dict[str, Any]:
        """The public half as a JWK (RFC 7517, RFC 7518 §6.2.1)."""
        return {**_members(self.private.public_key()), "kid": self.kid, "alg": self.alg, "use": "sig"}

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


def _members(public: EllipticCurvePublicKey) -> dict[str, str]:
    point = public.public_numbers()
    return {
        "crv": "P-256",
        "kty": "EC",
        "x": _base64url(point.x.to_bytes(_COORDINATE_BYTES)),
        "y": _base64url(point.y.to_bytes(_COORDINATE_BYTES)),
    }


def _thumbprint(members: dict[str, str]) -> str:
    """RFC 7638 §3: the required members only, sorted, without white space, SHA-256."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of one moment. `internal` signs what only this service reads and is never published."""

    access: SigningKey
    internal: SigningKey

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.access.jwk()]}
