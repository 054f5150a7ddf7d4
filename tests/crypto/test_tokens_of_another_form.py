"""A token is three plain segments of bounded length, and nothing else of the JOSE family."""

import json
import time
from typing import Any

import pytest

from app.crypto.signing import SigningKey
from app.crypto.tokens import Tokens
from tests.crypto.forge import Forge, Make, as_json, b64, refused

MALLORY = SigningKey.new()


SEGMENTS: dict[str, Make] = {
    "no segment": lambda _: "",
    "one": lambda forge: forge.token().split(".")[0],
    "two": lambda forge: forge.token().rpartition(".")[0],
    "two and a dot": lambda forge: forge.token().rpartition(".")[0] + ".",
    "four": lambda forge: forge.token() + ".AAAA",
    "five, as a JWE": lambda forge: forge.token() + ".AAAA.AAAA",
    "a leading dot": lambda forge: "." + forge.token(),
    "a trailing dot": lambda forge: forge.token() + ".",
    "no header": lambda forge: "." + forge.token().partition(".")[2],
    "no payload": lambda forge: forge.token().replace("." + forge.token().split(".")[1], "."),
    "dots only": lambda _: "..",
    "a space before": lambda forge: " " + forge.token(),
    "a newline after": lambda forge: forge.token() + "\n",
    "a carriage return after": lambda forge: forge.token() + "\r\n",
    "a newline inside": lambda forge: forge.token().replace(".", ".\n", 1),
    "NUL after": lambda forge: forge.token() + "\0",
    "padded with =": lambda forge: forge.token() + "==",
    "padded header": lambda forge: forge.token().replace(".", "=.", 1),
    "padded with %3D": lambda forge: forge.token() + "%3D",
    "plain base64": lambda forge: forge.token()[:-1] + "+",
    "a slash": lambda forge: forge.token()[:-1] + "/",
    "full-width": lambda forge: forge.token()[:-1] + "\uff21",
    "Arabic digit": lambda forge: forge.token()[:-1] + "\u0661",
    "Bearer twice": lambda forge: "Bearer " + forge.token(),
    "quoted": lambda forge: f'"{forge.token()}"',
    "a segment of one character more": lambda forge: forge.token() + "A" * 3,
}


@pytest.mark.parametrize("make", SEGMENTS.values(), ids=SEGMENTS)
def test_a011_a_token_is_three_plain_segments(tokens: Tokens, forge: Forge, make: Make) -> None:
    refused(tokens, make(forge))


def _parts(forge: Forge) -> dict[str, str]:
    return dict(zip(("protected", "payload", "signature"), forge.token().split("."), strict=True))


def _jwe(forge: Forge, **header: Any) -> str:
    content = {"typ": "at+jwt", "kid": forge.keys.access.kid} | header
    return ".".join([b64(as_json(content)), b64(b"k" * 40), b64(b"n" * 12), b64(b"c" * 64), b64(b"t" * 16)])


def _nested(forge: Forge) -> str:
    return forge.token(header=as_json(forge.header | {"cty": "JWT"}), payload=forge.token().encode())


SERIALISATIONS: dict[str, Make] = {
    "flattened JSON": lambda forge: json.dumps(_parts(forge)),
    "general JSON": lambda forge: json.dumps({"payload": _parts(forge)["payload"], "signatures": [_parts(forge)]}),
    "JWE dir": lambda forge: _jwe(forge, alg="dir", enc="A256GCM"),
    "JWE to our key": lambda forge: _jwe(forge, alg="ECDH-ES", enc="A256GCM", epk=MALLORY.jwk()),
    "JWE of many iterations": lambda forge: _jwe(forge, alg="PBES2-HS256+A128KW", enc="A128GCM", p2c=2_000_000_000),
    "JWE that inflates": lambda forge: _jwe(forge, alg="dir", enc="A256GCM", zip="DEF"),
    "a JWT in a JWT": _nested,
    "a JWT in a JWT without cty": lambda forge: forge.token(payload=forge.token().encode()),
    "zip in a JWS": lambda forge: forge.with_header(zip="DEF"),
    "cty": lambda forge: forge.with_header(cty="JWT"),
}


@pytest.mark.parametrize("make", SERIALISATIONS.values(), ids=SERIALISATIONS)
def test_a013_only_the_compact_form_of_a_jws_is_a_token(tokens: Tokens, forge: Forge, make: Make) -> None:
    token, began = make(forge), time.thread_time()
    refused(tokens, token)
    assert time.thread_time() - began < 0.05


def test_a029_a_token_of_a_megabyte_costs_nothing(tokens: Tokens, forge: Forge) -> None:
    head, claims, signature = forge.token().split(".")
    mega = "A" * 1_048_576
    began = time.thread_time()
    for token in (mega, f"{mega}.{claims}.{signature}", f"{head}.{mega}.{signature}", f"{head}.{claims}.{mega}"):
        refused(tokens, token)
    refused(tokens, ".".join(["A"] * 1_000_000))
    refused(tokens, forge.token(payload=b"[" * 100_000))
    assert time.thread_time() - began < 0.5
