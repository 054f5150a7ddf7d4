"""Keys are named by their thumbprint, publish their public half only, and never print themselves."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.crypto import signing
from app.crypto.signing import KeySet, SigningKey
from tests.crypto.forge import b64, unb64

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
RFC_7638 = [
    (
        {
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n"
            "3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu"
            "6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap"
            "JzKnqDKgw",
            "e": "AQAB",
        },
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
    ),
    (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        },
        "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
    ),
    (
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    ),
]
RFC_7517_PRIVATE = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"
"""The private half of the EC key above (RFC 7517 A.2)."""


@pytest.mark.parametrize(("members", "thumbprint"), RFC_7638, ids=["RSA", "EC", "Ed25519"])
def test_thumbprints_are_those_of_rfc_7638(members: dict[str, str], thumbprint: str) -> None:
    assert signing._thumbprint(members) == thumbprint


def test_a_key_is_named_and_published_as_the_rfcs_say() -> None:
    private = ec.derive_private_key(int.from_bytes(unb64(RFC_7517_PRIVATE)), ec.SECP256R1())
    members, thumbprint = RFC_7638[1]
    key = SigningKey.of(private)
    assert key.kid == thumbprint
    assert key.jwk() == members | {"kid": thumbprint, "alg": "ES256", "use": "sig"}


def test_a031_only_public_members_of_the_access_key_are_published(keys: KeySet) -> None:
    published: list[dict[str, Any]] = keys.jwks()["keys"]
    assert [key["kid"] for key in published] == [keys.access.kid]
    for key in published:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert not PRIVATE & set(key)
    assert keys.internal.kid not in str(keys.jwks())


def test_coordinates_keep_their_leading_zeros() -> None:
    """A coordinate below 2^248 comes once in 256 keys; RFC 7518 §6.2.1.2 wants all 32 octets all the same."""
    scalars = (ec.derive_private_key(number, ec.SECP256R1()) for number in range(1, 2000))
    short = next(key for key in scalars if key.public_key().public_numbers().x < 1 << 248)
    assert len(SigningKey.of(short).jwk()["x"]) == 43
    assert unb64(SigningKey.of(short).jwk()["x"])[0] == 0


def test_a_key_survives_being_stored(keys: KeySet) -> None:
    again = SigningKey.from_der(keys.access.to_der())
    assert again.kid == keys.access.kid
    assert again.jwk() == keys.access.jwk()


def test_two_new_keys_are_two() -> None:
    assert SigningKey.new().kid != SigningKey.new().kid


def test_a_key_of_another_family_is_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TypeError, match="not a key on P-256"):
        SigningKey.from_der(der)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()], ids=lambda curve: str(curve.name))
def test_a_key_on_another_curve_is_refused(curve: ec.EllipticCurve) -> None:
    """Taken for ES256 it would sign what nobody can verify, or be published under the wrong curve."""
    der = ec.generate_private_key(curve).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises((TypeError, ValueError)):
        SigningKey.from_der(der)


def test_a_key_never_prints_itself(keys: KeySet) -> None:
    secret = keys.access.private.private_numbers().private_value
    shown = f"{keys!r} {keys.access!r} {keys.access!s} {vars(type(keys.access))!r}"
    assert keys.access.kid in shown
    for form in (str(secret), f"{secret:x}", b64(secret.to_bytes(32)), keys.access.to_der().hex()):
        assert form not in shown
