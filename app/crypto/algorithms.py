"""The algorithms that a signing key may have: ES256, EdDSA (Ed25519) and PS256 (RSA 3072). Never HMAC, never RS256.

A key's type decides its one algorithm, so no header and no setting can pair a key with another one (RFC 8725 §3.1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.crypto import base64url

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

RSA_BITS = 3072
"""128 bits of security (NIST SP 800-57 part 1, table 2)."""
_RSA_EXPONENT = 65537
_COORDINATE_BYTES = 32


def _number(value: int) -> str:
    """Base64urlUInt (RFC 7518 §2): as few octets as it takes."""
    return base64url.encode(value.to_bytes((value.bit_length() + 7) // 8))


@dataclass(frozen=True, slots=True)
class Algorithm:
    """`members` are the required ones of the public JWK: those that its thumbprint is made of (RFC 7638 §3.2)."""

    name: str
    make: Callable[[], PrivateKey]
    fits: Callable[[object], bool]
    members: Callable[[Any], dict[str, str]]


def _fits_es256(key: object) -> bool:
    return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)


def _fits_eddsa(key: object) -> bool:
    return isinstance(key, ed25519.Ed25519PrivateKey)


def _fits_ps256(key: object) -> bool:
    if not isinstance(key, rsa.RSAPrivateKey):
        return False
    return key.key_size >= RSA_BITS and key.public_key().public_numbers().e == _RSA_EXPONENT


def _point(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """RFC 7518 §6.2.1: coordinates keep their leading zeros."""
    numbers = public.public_numbers()
    x, y = (base64url.encode(number.to_bytes(_COORDINATE_BYTES)) for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _edwards_point(public: ed25519.Ed25519PublicKey) -> dict[str, str]:
    """RFC 8037 §2."""
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url.encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _modulus(public: rsa.RSAPublicKey) -> dict[str, str]:
    """RFC 7518 §6.3.1."""
    numbers = public.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


ES256 = Algorithm("ES256", lambda: ec.generate_private_key(ec.SECP256R1()), _fits_es256, _point)
EDDSA = Algorithm("EdDSA", ed25519.Ed25519PrivateKey.generate, _fits_eddsa, _edwards_point)
PS256 = Algorithm("PS256", lambda: rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS), _fits_ps256, _modulus)
ALGORITHMS = {algorithm.name: algorithm for algorithm in (ES256, EDDSA, PS256)}


def algorithm_of(key: object) -> Algorithm:
    """The one algorithm of *key*. Raises TypeError for a key that has none here, be it too weak or of another family."""
    for algorithm in ALGORITHMS.values():
        if algorithm.fits(key):
            return algorithm
    raise TypeError(f"not a key for {', '.join(ALGORITHMS)}")
