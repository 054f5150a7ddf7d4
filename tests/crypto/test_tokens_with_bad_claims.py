"""A well-signed token still has to say exactly what its kind says."""

import base64
import string
from typing import Any

import pytest

from app.crypto.claims import Scope
from app.crypto.tokens import Tokens
from tests.crypto.forge import (
    GONE,
    ISSUER,
    P256_ORDER,
    Forge,
    Make,
    as_json,
    b64,
    refused,
    unb64,
)

ACCESS = ("iss", "aud", "sub", "jti", "iat", "exp", "scope", "sid", "auth_time", "acr", "amr", "client_id")
PENDING = ("iss", "aud", "sub", "jti", "iat", "exp", "scope")
NO_NUMBERS = [
    "1900000000",
    "",
    1900000000.0,
    1.9e9,
    True,
    False,
    None,
    [],
    [1900000000],
    {},
    -1,
    -(2**40),
    2**53,
    10**30,
]
NO_IDS = [1, 0, "", None, True, [], {}, ["018f0000-0000-7000-8000-000000000001"], "not-a-uuid", "018f0000", " " * 36]
NO_TEXTS = [1, None, True, [ISSUER], {"iss": ISSUER}, "", ISSUER + "/", ISSUER.upper(), "https://gatehouse.test"]


@pytest.mark.parametrize("name", ["exp", "iat", "auth_time"])
@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_a016_a_time_is_a_whole_number_of_seconds(tokens: Tokens, forge: Forge, name: str, value: Any) -> None:
    refused(tokens, forge.with_claims(**{name: value}))


@pytest.mark.parametrize(
    "literal", ["NaN", "Infinity", "-Infinity", "1e400", "1e9", "1.0", "0x70000000", "1_000", "01"]
)
@pytest.mark.parametrize("name", ["exp", "iat"])
def test_a016_a_time_is_written_as_an_integer(tokens: Tokens, forge: Forge, name: str, literal: str) -> None:
    number = str(forge.claims[name]).encode()
    payload = as_json(forge.claims | {"auth_time": 1}).replace(number, literal.encode())
    refused(tokens, forge.token(payload=payload))


@pytest.mark.parametrize("name", ["sub", "sid", "jti"])
@pytest.mark.parametrize("value", NO_IDS, ids=repr)
def test_a016_an_id_is_a_uuid_in_a_text(tokens: Tokens, forge: Forge, name: str, value: Any) -> None:
    refused(tokens, forge.with_claims(**{name: value}))


@pytest.mark.parametrize("name", ["iss", "aud"])
@pytest.mark.parametrize("value", NO_TEXTS, ids=repr)
def test_a016_issuer_and_audience_are_one_exact_text(tokens: Tokens, forge: Forge, name: str, value: Any) -> None:
    refused(tokens, forge.with_claims(**{name: value}))


BAD_CLAIMS: list[dict[str, Any]] = [
    {"acr": None},
    {"acr": 1},
    {"acr": ["urn:gatehouse:mfa"]},
    {"amr": "pwd"},
    {"amr": None},
    {"amr": [1]},
    {"amr": ["pwd", None]},
    {"amr": {"pwd": True}},
    {"amr": [["pwd"]]},
    {"client_id": "other"},
    {"client_id": None},
    {"scope": "mfa:verify"},
    {"scope": "FULL"},
    {"scope": "full mfa:verify"},
    {"scope": ["full"]},
    {"scope": ""},
    {"nbf": 0},
    {"admin": True},
    {"cnf": {}},
]


@pytest.mark.parametrize("changes", BAD_CLAIMS, ids=str)
def test_a016_every_claim_has_its_type_and_there_are_no_others(
    tokens: Tokens, forge: Forge, changes: dict[str, Any]
) -> None:
    refused(tokens, forge.with_claims(**changes))


@pytest.mark.parametrize("name", ACCESS)
def test_a017_an_access_token_misses_nothing(tokens: Tokens, forge: Forge, name: str) -> None:
    refused(tokens, forge.with_claims(**{name: GONE}))


@pytest.mark.parametrize("name", PENDING)
def test_a017_a_pending_token_misses_nothing(tokens: Tokens, forge: Forge, name: str) -> None:
    changes: dict[str, Any] = {name: GONE}
    refused(tokens, forge.pending(**changes))


@pytest.mark.parametrize("name", ["sid", "auth_time", "acr", "amr", "client_id"])
def test_a_pending_token_has_nothing_of_a_session(tokens: Tokens, forge: Forge, name: str) -> None:
    refused(tokens, forge.pending(**{name: forge.claims[name]}))


PAYLOADS: dict[str, Make] = {
    "a claim twice": lambda forge: forge.token(payload=_also(forge, '"exp": 4000000000')),
    "a claim twice, escaped": lambda forge: forge.token(payload=_also(forge, '"\\u0065xp": 4000000000')),
    "the scope twice": lambda forge: forge.token(payload=_also(forge, '"scope": "full"')),
    "UTF-16": lambda forge: forge.token(payload=as_json(forge.claims).decode().encode("utf-16")),
    "UTF-16 without a mark": lambda forge: forge.token(payload=as_json(forge.claims).decode().encode("utf-16-le")),
    "UTF-32": lambda forge: forge.token(payload=as_json(forge.claims).decode().encode("utf-32")),
    "a byte order mark": lambda forge: forge.token(payload=b"\xef\xbb\xbf" + as_json(forge.claims)),
    "not UTF-8": lambda forge: forge.token(payload=as_json(forge.claims).replace(b"pwd", b"pw\xff")),
    "NUL": lambda forge: forge.with_claims(acr="urn:gatehouse:mfa\0"),
    "a lone surrogate": lambda forge: forge.with_claims(acr="\ud800"),
    "nothing": lambda forge: forge.token(payload=b" "),
    "a list": lambda forge: forge.token(payload=b"[" + as_json(forge.claims) + b"]"),
    "null": lambda forge: forge.token(payload=b"null"),
    "a text": lambda forge: forge.token(payload=b'"full"'),
    "two values": lambda forge: forge.token(payload=as_json(forge.claims) * 2),
    "a comment": lambda forge: forge.token(payload=as_json(forge.claims) + b"//"),
    "nested as deep as fits": lambda forge: forge.token(payload=b"[" * 3000),
    "nested and closed": lambda forge: forge.token(payload=b'{"a":' * 500 + b"1" + b"}" * 500),
    "a number as long as fits": lambda forge: forge.token(payload=_also(forge, f'"x": {"9" * 2500}')),
}


def _also(forge: Forge, member: str) -> bytes:
    return as_json(forge.claims)[:-1] + f", {member}}}".encode()


@pytest.mark.parametrize("make", PAYLOADS.values(), ids=PAYLOADS)
def test_claims_are_one_object_of_strict_json(tokens: Tokens, forge: Forge, make: Make) -> None:
    refused(tokens, make(forge))


def _turned(forge: Forge) -> str:
    """The other signature that the same curve accepts: s replaced by n - s."""
    signed, _, signature = forge.token().rpartition(".")
    raw = unb64(signature)
    twin = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    return f"{signed}.{b64(twin)}"


def _other_spellings(forge: Forge) -> list[str]:
    """The last of 86 characters has four unused bits; a lenient decoder reads sixteen spellings as one signature."""
    token, letters = forge.token(), string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    spellings = [token[:-1] + letter for letter in letters if letter != token[-1]]
    return [
        text for text in spellings if base64.urlsafe_b64decode(text.split(".")[2] + "==") == unb64(token.split(".")[2])
    ]


def test_a_twin_token_is_the_same_token(tokens: Tokens, forge: Forge) -> None:
    """ECDSA cannot prevent a second text for one token, so nothing may be revoked or remembered by a token's text."""
    original = tokens.read(forge.token(), scope=Scope.FULL)
    assert tokens.read(_turned(forge), scope=Scope.FULL) == original


def test_a_signature_has_one_spelling(tokens: Tokens, forge: Forge) -> None:
    spellings = _other_spellings(forge)
    assert len(spellings) == 15
    for token in spellings:
        refused(tokens, token)
