"""Keys are named by their thumbprint, publish their public half only, and never print themselves."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.crypto import signing
from app.crypto.algorithms import ALGORITHMS
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
RFC_8037_PRIVATE = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
"""The private half of the Ed25519 key above (RFC 8037 A.1)."""
RFC_8037_SIGNED = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC_8037_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"


@pytest.mark.parametrize(("members", "thumbprint"), RFC_7638, ids=["RSA", "EC", "Ed25519"])
def test_thumbprints_are_those_of_rfc_7638(members: dict[str, str], thumbprint: str) -> None:
    assert signing._thumbprint(members) == thumbprint


@pytest.fixture(scope="module", params=[*ALGORITHMS])
def key(request: pytest.FixtureRequest) -> SigningKey:
    return SigningKey.new(request.param)


def on_p256(private: str) -> SigningKey:
    return SigningKey.of(ec.derive_private_key(int.from_bytes(unb64(private)), ec.SECP256R1()))


def on_ed25519(private: str) -> SigningKey:
    return SigningKey.of(ed25519.Ed25519PrivateKey.from_private_bytes(unb64(private)))


def test_an_es256_key_is_named_and_published_as_the_rfcs_say() -> None:
    (members, thumbprint), key = RFC_7638[1], on_p256(RFC_7517_PRIVATE)
    assert (key.kid, key.alg) == (thumbprint, "ES256")
    assert key.jwk() == members | {"kid": thumbprint, "alg": "ES256", "use": "sig"}


def test_an_eddsa_key_is_named_published_and_signs_as_rfc_8037_says() -> None:
    (members, thumbprint), key = RFC_7638[2], on_ed25519(RFC_8037_PRIVATE)
    assert (key.kid, key.alg) == (thumbprint, "EdDSA")
    assert key.jwk() == members | {"kid": thumbprint, "alg": "EdDSA", "use": "sig"}
    assert isinstance(key.private, ed25519.Ed25519PrivateKey)
    assert b64(key.private.sign(RFC_8037_SIGNED.encode())) == RFC_8037_SIGNATURE


def test_a_ps256_key_is_published_with_modulus_and_exponent_as_short_as_they_are() -> None:
    """RFC 7518 §6.3.1: Base64urlUInt has no leading zero octets, which a library's own encoding may have."""
    key = SigningKey.new("PS256")
    numbers = key.public.public_numbers() if isinstance(key.public, rsa.RSAPublicKey) else None
    assert numbers
    jwk = key.jwk()
    assert (jwk["kty"], jwk["e"], jwk["alg"]) == ("RSA", "AQAB", "PS256")
    assert int.from_bytes(unb64(jwk["n"])) == numbers.n
    assert (len(unb64(jwk["n"])), unb64(jwk["n"])[0] >> 7) == (3072 // 8, 1)


def test_a031_only_public_members_are_published(key: SigningKey) -> None:
    members = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"n", "e"}}
    jwk = key.jwk()
    assert set(jwk) == {"kty", "kid", "alg", "use", *members[jwk["kty"]]}
    assert not PRIVATE & set(jwk)
    assert jwk["use"] == "sig"


def test_a031_every_key_that_may_meet_a_token_is_published_and_no_internal_one(key: SigningKey) -> None:
    access, following, internal, once_internal = (SigningKey.new() for _ in range(4))
    keys = KeySet(access, internal, next=following, retired=(key,), other_internal=(once_internal,))
    published: list[dict[str, Any]] = keys.jwks()["keys"]
    assert [one["kid"] for one in published] == [access.kid, following.kid, key.kid]
    assert len({one["kid"] for one in published}) == len(published)
    assert [one["alg"] for one in published] == ["ES256", "ES256", key.alg]


def test_a_key_is_found_among_its_own_kind_only() -> None:
    access, following, retired, internal, other = (SigningKey.new() for _ in range(5))
    keys = KeySet(access, internal, next=following, retired=(retired,), other_internal=(other,))
    for one in (access, following, retired):
        assert keys.find(one.kid, published=True) is one
        assert keys.find(one.kid, published=False) is None
    for one in (internal, other):
        assert keys.find(one.kid, published=False) is one
        assert keys.find(one.kid, published=True) is None
    assert keys.find("", published=True) is None


def test_coordinates_keep_their_leading_zeros() -> None:
    """A coordinate below 2^248 comes once in 256 keys; RFC 7518 §6.2.1.2 wants all 32 octets all the same."""
    scalars = (ec.derive_private_key(number, ec.SECP256R1()) for number in range(1, 2000))
    short = next(key for key in scalars if key.public_key().public_numbers().x < 1 << 248)
    assert len(SigningKey.of(short).jwk()["x"]) == 43
    assert unb64(SigningKey.of(short).jwk()["x"])[0] == 0


def test_a_key_survives_being_stored(key: SigningKey) -> None:
    again = SigningKey.from_der(key.to_der())
    assert (again.kid, again.alg) == (key.kid, key.alg)
    assert again.jwk() == key.jwk()


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_two_new_keys_are_two(alg: str) -> None:
    assert SigningKey.new(alg).kid != SigningKey.new(alg).kid


@pytest.mark.parametrize("alg", ["HS256", "RS256", "ES384", "none", "", "Ed25519"])
def test_no_key_is_made_for_another_algorithm(alg: str) -> None:
    with pytest.raises(KeyError):
        SigningKey.new(alg)


def der(key: Any) -> bytes:
    encoded: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return encoded


WEAK_OR_STRANGE: dict[str, Callable[[], Any]] = {
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA with e = 3": lambda: rsa.generate_private_key(3, 3072),
    "Ed448": ed448.Ed448PrivateKey.generate,
    "X25519": x25519.X25519PrivateKey.generate,
    "DSA": lambda: dsa.generate_private_key(2048),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
}


@pytest.mark.parametrize("name", WEAK_OR_STRANGE)
def test_a_key_of_any_other_family_curve_or_size_is_refused(name: str) -> None:
    """Taken for one of ours it would sign what nobody can verify, or what somebody can forge."""
    with pytest.raises(TypeError, match="not a key for ES256, EdDSA, PS256"):
        SigningKey.from_der(der(WEAK_OR_STRANGE[name]()))


def test_a_key_never_prints_itself(key: SigningKey, keys: KeySet) -> None:
    shown = f"{key!r} {key!s} {keys!r} {vars(type(key))!r}"
    assert key.kid in shown
    assert keys.access.kid in shown
    secret = key.to_der()
    assert secret.hex() not in shown
    assert b64(secret) not in shown
    assert " at 0x" not in repr(key)  # not even the library's own words for the pair
