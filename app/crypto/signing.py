"""Signing keys: one algorithm each, named by the RFC 7638 thumbprint of their public half."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from app.crypto import base64url
from app.crypto.algorithms import ALGORITHMS, ES256, PrivateKey, PublicKey, algorithm_of


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; it never prints itself."""

    private: PrivateKey
    public: PublicKey
    kid: str
    alg: str

    @classmethod
    def new(cls, alg: str = ES256.name) -> "SigningKey":
        """Make a key. PS256 takes a quarter of a second and more, with the GIL released: make it in a thread."""
        return cls.of(ALGORITHMS[alg].make())

    @classmethod
    def of(cls, private: object) -> "SigningKey":
        """Raises TypeError for a key of any other family, curve, size or exponent."""
        algorithm, known = algorithm_of(private), cast("PrivateKey", private)
        public = known.public_key()
        return cls(known, public, _thumbprint(algorithm.members(public)), algorithm.name)

    @classmethod
    def from_der(cls, der: bytes) -> "SigningKey":
        return cls.of(load_der_private_key(der, password=None))

    def to_der(self) -> bytes:
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def jwk(self) -> dict[str, Any]:
        """The public half as a JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2)."""
        members = ALGORITHMS[self.alg].members(self.public)
        return {**members, "kid": self.kid, "alg": self.alg, "use": "sig"}

    def __repr__(self) -> str:
        return f"SigningKey({self.alg} {self.kid})"


def _thumbprint(members: dict[str, str]) -> str:
    """RFC 7638 §3: the required members only, sorted, without white space, SHA-256."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url.encode(hashlib.sha256(canonical.encode()).digest())


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of one moment. `access` signs access tokens, and `next` will; what `retired` ones signed may still live.

    `internal` signs what only this service reads: neither it nor those before and after it are ever published.
    """

    access: SigningKey
    internal: SigningKey
    next: SigningKey | None = None
    retired: tuple[SigningKey, ...] = ()
    other_internal: tuple[SigningKey, ...] = ()
    revoked: frozenset[str] = frozenset()

    @property
    def published(self) -> tuple[SigningKey, ...]:
        """Every key that an access token may be under; the one that signs comes first."""
        keys = (self.access, *((self.next,) if self.next else ()), *self.retired)
        return tuple(key for key in keys if key.kid not in self.revoked)

    def find(self, kid: str, *, published: bool) -> SigningKey | None:
        """The key *kid* among those that are published, or among those that never are."""
        keys = self.published if published else (self.internal, *self.other_internal)
        return next((key for key in keys if key.kid == kid and kid not in self.revoked), None)

    def without(self, kids: Iterable[str]) -> "KeySet":
        """The same keys with *kids* revoked: nothing under these is valid, though one may still have to sign."""
        return replace(self, revoked=self.revoked.union(kids))

    def jwks(self) -> dict[str, Any]:
        """The published keys as a JWK Set (RFC 7517 §5)."""
        return {"keys": [key.jwk() for key in self.published]}
