"""What is published of this installation: public halves and where they are, the same for whoever asks however."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from app.factors import KINDS
from tests.house.toy.passkey_shaped import Passkey
from tests.statements import asked
from tests.world import World, running, settings_for

JWKS, METADATA = "/.well-known/jwks.json", "/.well-known/oauth-authorization-server"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
OF_THE_MOMENT = {"x-request-id"}
"""All that may differ between two answers."""


async def test_a031_the_key_set_holds_public_members_only(world: World) -> None:
    answer = await world.client.get(JWKS)
    keys: list[dict[str, Any]] = answer.json()["keys"]
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert set(answer.json()) == {"keys"}
    assert len({key["kid"] for key in keys}) == len(keys) == 2
    for key in keys:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert not PRIVATE & set(key)
        assert (key["alg"], key["use"]) == ("ES256", "sig")


async def test_a031_the_key_of_an_access_token_is_published_and_that_of_a_pending_one_is_not(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    published = jwt.PyJWKSet.from_dict((await world.client.get(JWKS)).json())
    named = [jwt.get_unverified_header(token)["kid"] for token in (ada.access_token, ada.mfa_token)]
    assert [kid in {key.key_id for key in published.keys} for kid in named] == [True, False]
    kept = world.app.state.house.tokens.keys
    assert not {key.kid for key in (kept.internal, *kept.other_internal)} & {key.key_id for key in published.keys}


OTHERWISE: list[dict[str, Any]] = [
    {"params": {"kid": "mallory", "x": "1"}},
    {"params": {"jwks_uri": "https://mallory.example"}},
    {"headers": {"Host": "localhost:1234"}},
    {"headers": {"Host": "mallory.example"}},
    {"headers": {"Accept": "text/html"}},
    {"headers": {"Accept": "application/jwk+json;q=0"}},
    {"headers": {"Accept-Language": "de", "Accept-Encoding": "identity"}},
    {"headers": {"X-Forwarded-Host": "mallory.example", "X-Forwarded-Proto": "http", "X-Original-URL": "/me"}},
    {"headers": {"Forwarded": "host=mallory.example", "X-Host": "mallory.example"}},
    {"headers": {"Authorization": "Bearer x", "Cookie": "a=b"}},
    {"headers": {"Cache-Control": "no-cache", "If-None-Match": "*"}},
]


@pytest.mark.parametrize("path", [JWKS, METADATA])
@pytest.mark.parametrize("otherwise", OTHERWISE, ids=str)
async def test_a032_however_it_is_asked_for_it_is_the_same(world: World, path: str, otherwise: dict[str, Any]) -> None:
    """So no cache can be filled with something else, whatever it takes into its key."""
    plain, answer = await world.client.get(path), await world.client.get(path, **otherwise)
    assert (answer.status_code, answer.content) == (200, plain.content)
    assert _kept(answer.headers) == _kept(plain.headers)
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "mallory" not in answer.text
    assert "vary" not in answer.headers


def _kept(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in OF_THE_MOMENT}


async def test_the_issuer_says_where_its_keys_are_and_that_it_is_no_oauth_server(world: World) -> None:
    """RFC 8414 §2, and the way from the issuer to its keys that a library goes by itself (§3)."""
    answer = await world.client.get(METADATA)
    assert answer.headers["content-type"] == "application/json"
    metadata = answer.json()
    assert metadata == {
        "issuer": "http://127.0.0.1:8000",
        "jwks_uri": "http://127.0.0.1:8000/.well-known/jwks.json",
        "acr_values_supported": ["urn:gatehouse:pwd", "urn:gatehouse:mfa"],
        "response_types_supported": [],
        "grant_types_supported": [],
    }
    ada = await world.signed_up()
    await ada.sign_in()
    claims = (await ada.call("GET", "/session")).json()
    assert claims["iss"] == metadata["issuer"]
    assert claims["acr"] in metadata["acr_values_supported"]
    assert (await world.client.get(metadata["jwks_uri"])).status_code == 200


async def test_a_phishing_resistant_factor_is_told_when_there_is_one(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(
        database_url,
        tmp_path,
        mfa={"factors": ["totp", "passkey"]},
        tokens={"issuer": "https://id.example/", "rotate_every": "never"},
        http={"public_url": "http://127.0.0.1:8000/"},
    )
    async with running(settings, kinds=(*KINDS, Passkey)) as world:
        metadata = (await world.client.get(METADATA)).json()
    assert metadata["issuer"] == "https://id.example/"  # exactly as it stands in the tokens
    assert metadata["jwks_uri"] == "http://127.0.0.1:8000/.well-known/jwks.json"
    assert metadata["acr_values_supported"] == ["urn:gatehouse:pwd", "urn:gatehouse:mfa", "urn:gatehouse:phr"]


@pytest.mark.parametrize("path", [JWKS, METADATA])
async def test_neither_costs_a_query(world: World, path: str) -> None:
    with asked() as queries:
        assert (await world.client.get(path)).status_code == 200
    assert queries == []
