"""Whatever a header says, one key of one algorithm opens a token."""

from typing import Any

import pytest

from app.crypto.claims import Scope
from app.crypto.signing import SigningKey
from app.crypto.tokens import Tokens
from tests.crypto.forge import (
    GONE,
    ISSUER,
    P256_ORDER,
    SESSION,
    Forge,
    Make,
    as_json,
    b64,
    certified,
    public_forms,
    refused,
    sign,
)

MALLORY = SigningKey.new()


def test_unchanged_the_forge_makes_a_good_token(tokens: Tokens, forge: Forge) -> None:
    assert tokens.read(forge.token(), scope=Scope.FULL).sid == SESSION
    assert tokens.read(forge.pending(), scope=Scope.MFA_PENDING).iss == ISSUER


NO_ALGORITHMS = ["none", "None", "NONE", "nOnE", "", None, ["none"], GONE, 0, {}, "es256", " ES256"]


@pytest.mark.parametrize("alg", NO_ALGORITHMS)
@pytest.mark.parametrize("signature", [b"", None, b"0"])
def test_a001_no_spelling_of_none_is_an_algorithm(
    tokens: Tokens, forge: Forge, alg: Any, signature: bytes | None
) -> None:
    header, claims = as_json(forge.header | {"alg": alg}), as_json(forge.claims)
    signed = f"{b64(header)}.{b64(claims)}"
    last = sign(signed, forge.keys.access) if signature is None else signature
    refused(tokens, f"{signed}.{b64(last)}")
    refused(tokens, signed)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", public_forms(MALLORY))
def test_a002_the_published_key_is_no_hmac_secret(tokens: Tokens, forge: Forge, alg: str, form: str) -> None:
    refused(tokens, forge.by_hmac(alg, public_forms(forge.keys.access)[form]))


OTHER_ALGORITHMS = ["ES384", "ES512", "ES256K", "EdDSA", "PS256", "RS256", "HS256", "Ed25519"]


@pytest.mark.parametrize("alg", OTHER_ALGORITHMS)
def test_a002_a_key_has_one_algorithm(tokens: Tokens, forge: Forge, alg: str) -> None:
    refused(tokens, forge.with_header(alg=alg))


PSYCHIC = [(0, 0), (P256_ORDER, P256_ORDER), (0, P256_ORDER), (P256_ORDER, 0), (1, 0), (1, 1), (0, 1)]


@pytest.mark.parametrize(("r", "s"), PSYCHIC)
def test_a004_a_psychic_signature_is_none(tokens: Tokens, forge: Forge, r: int, s: int) -> None:
    refused(tokens, forge.with_signature(r.to_bytes(32) + s.to_bytes(32)))


def test_a004_a_signature_has_exactly_64_octets(tokens: Tokens, forge: Forge) -> None:
    for token in forge.of_other_lengths():
        refused(tokens, token)


def test_a005_a_key_in_the_header_is_never_used(tokens: Tokens, forge: Forge) -> None:
    jwk = MALLORY.jwk()
    for kid in (forge.keys.access.kid, MALLORY.kid, GONE):
        refused(tokens, forge.with_header(key=MALLORY, jwk=jwk, kid=kid))
    refused(tokens, forge.with_header(jwk=forge.keys.access.jwk()))


def test_a007_a_certificate_in_the_header_is_never_used(tokens: Tokens, forge: Forge) -> None:
    key, members = certified()
    for name, value in members.items():
        refused(tokens, forge.with_header(key=key, **{name: value}))
        refused(tokens, forge.with_header(**{name: value}))
    refused(tokens, forge.with_header(key=key, **members))
    for name in ("jku", "x5u"):
        refused(tokens, forge.with_header(key=MALLORY, **{name: "https://mallory.example/jwks.json"}))


KIDS = [
    "../../../../dev/null",
    "/proc/self/environ",
    "' OR 1=1--",
    "\0",
    "a\r\nb",
    "x" * 300,
    "x" * 1_048_576,
    "",
    0,
    1.5,
    True,
    None,
    {},
    [],
    ["x"],
    GONE,
]


@pytest.mark.parametrize("kid", KIDS, ids=lambda kid: "left out" if kid is GONE else ascii(kid)[:24])
def test_a008_a_kid_is_one_of_ours_or_nothing(tokens: Tokens, forge: Forge, kid: Any) -> None:
    refused(tokens, forge.with_header(kid=kid))


def test_a008_a_kid_is_compared_whole(tokens: Tokens, forge: Forge) -> None:
    ours = forge.keys.access.kid
    for kid in (ours[:-1], ours + "A", f" {ours}", ours.swapcase(), [ours], MALLORY.kid):
        refused(tokens, forge.with_header(kid=kid))


CRITICAL: list[dict[str, Any]] = [
    {"crit": ["x"], "x": 1},
    {"crit": []},
    {"crit": ["exp"]},
    {"crit": ["b64"], "b64": False},
    {"crit": None},
    {"b64": False},
    {"b64": True},
    {"unheard_of": 1},
]


@pytest.mark.parametrize("member", CRITICAL, ids=str)
def test_a014_a_header_has_three_members_and_no_more(tokens: Tokens, forge: Forge, member: dict[str, Any]) -> None:
    refused(tokens, forge.with_header(**member))


NO_KINDS = [
    "JWT",
    "jwt",
    "AT+JWT",
    "at+JWT",
    " at+jwt",
    "application/application/at+jwt",
    "",
    None,
    1,
    ["at+jwt"],
    GONE,
]


@pytest.mark.parametrize("typ", NO_KINDS)
def test_a020_typ_is_exact(tokens: Tokens, forge: Forge, typ: Any) -> None:
    refused(tokens, forge.with_header(typ=typ))


def test_a020_typ_may_be_spelled_as_a_whole_media_type(tokens: Tokens, forge: Forge) -> None:
    assert tokens.read(forge.with_header(typ="application/at+jwt"), scope=Scope.FULL).sid == SESSION


HEADERS: dict[str, Make] = {
    "a name twice": lambda forge: forge.token(header=_doubled(forge, "alg", "none")),
    "kid twice": lambda forge: forge.token(header=_doubled(forge, "kid", forge.keys.access.kid)),
    "typ twice": lambda forge: forge.token(header=_doubled(forge, "typ", "mfa-pending+jwt")),
    "UTF-16": lambda forge: forge.token(header=as_json(forge.header).decode().encode("utf-16")),
    "a byte order mark": lambda forge: forge.token(header=b"\xef\xbb\xbf" + as_json(forge.header)),
    "not UTF-8": lambda forge: forge.token(header=as_json(forge.header).replace(b"at+", b"at\xff")),
    "a list": lambda forge: forge.token(header=b"[" + as_json(forge.header) + b"]"),
    "a text": lambda forge: forge.token(header=b'"ES256"'),
    "null": lambda forge: forge.token(header=b"null"),
    "two values": lambda forge: forge.token(header=as_json(forge.header) * 2),
    "nested to the limit of a segment": lambda forge: forge.token(header=b"[" * 380),
}


def _doubled(forge: Forge, name: str, value: str) -> bytes:
    return as_json(forge.header)[:-1] + f', "{name}": "{value}"}}'.encode()


@pytest.mark.parametrize("make", HEADERS.values(), ids=HEADERS)
def test_a_header_is_one_object_of_strict_json(tokens: Tokens, forge: Forge, make: Make) -> None:
    refused(tokens, make(forge))
