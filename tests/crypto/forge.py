"""Makes tokens as an attacker would, one piece at a time; unchanged, what it makes is a good access token."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from app.crypto.claims import Scope
from app.crypto.signing import KeySet, SigningKey
from app.crypto.tokens import Tokens
from app.problems import InvalidToken
from tests.standins.certificate import certificate

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
    r, s = decode_dss_signature(sign_as_der(signed, key))
    return r.to_bytes(32) + s.to_bytes(32)


def sign_as_der(signed: str, key: SigningKey) -> bytes:
    assert isinstance(key.private, EllipticCurvePrivateKey)
    return key.private.sign(signed.encode(), ECDSA(SHA256()))


@dataclass(frozen=True)
class Forge:
    """With the keys of a running service, its *issuer*, and a *user* and *session* that it knows, its tokens are good there."""

    keys: KeySet
    now: int
    issuer: str = ISSUER
    user: UUID = USER
    session: UUID = SESSION

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "ES256", "typ": "at+jwt", "kid": self.keys.access.kid}

    @property
    def claims(self) -> dict[str, Any]:
        return {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": str(self.user),
            "jti": "018f0000-0000-7000-8000-00000000000a",
            "iat": self.now,
            "exp": self.now + LIFE,
            "scope": "full",
            "sid": str(self.session),
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
        own = {"aud": f"{self.issuer}#mfa", "jti": str(SIGN_IN), "scope": "mfa:verify"}
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

    def by_hmac(self, alg: str, secret: bytes) -> str:
        signed = f"{b64(as_json(self.header | {'alg': alg}))}.{b64(as_json(self.claims))}"
        mac = hmac.new(secret, signed.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
        return f"{signed}.{b64(mac)}"

    def of_other_lengths(self) -> list[str]:
        """With right signatures that were cut, padded, doubled, or are in DER."""
        signed, _, _ = self.token().rpartition(".")
        good, der = sign(signed, self.keys.access), sign_as_der(signed, self.keys.access)
        signatures = (good[:63], good[1:], good + b"\0", b"\0" + good, good * 2, good[:32], der)
        return [f"{signed}.{b64(signature)}" for signature in signatures]


def public_forms(key: SigningKey) -> dict[str, bytes]:
    """Everything that somebody might take for a shared secret."""
    public, jwk = key.private.public_key(), key.jwk()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "pem": pem,
        "pem without its last newline": pem.rstrip(b"\n"),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(jwk).encode(),
        "jwk without spaces": json.dumps(jwk, separators=(",", ":")).encode(),
        "x and y": point[1:],
        "point": point,
        "x": point[1:33],
        "nothing": b"",
    }


def certified() -> tuple[SigningKey, dict[str, Any]]:
    """A key, and the header members that bring a self-made certificate of it along."""
    pem = certificate()
    der = load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    key: Any = load_pem_private_key(pem, password=None)
    sha1, sha256 = hashlib.sha1(der, usedforsecurity=False).digest(), hashlib.sha256(der).digest()
    return SigningKey.of(key), {"x5c": [b64(der)], "x5t": b64(sha1), "x5t#S256": b64(sha256)}


Make = Callable[[Forge], str]


def refused(tokens: Tokens, token: str) -> None:
    """Refused under every scope, with the words that every refusal has."""
    for scope in (Scope.FULL, Scope.MFA_PENDING):
        with pytest.raises(InvalidToken) as refusal:
            tokens.read(token, scope=scope)
        assert refusal.value.detail is None
        assert refusal.value.__cause__ is None
