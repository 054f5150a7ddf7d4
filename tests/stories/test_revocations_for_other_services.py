"""What ended is published for other services: signed, small, never older than it says, and at no query's cost."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from app.flows.operator import Operator
from tests import postgres
from tests.statements import asked
from tests.world import Person, World, running, settings_for

PATH = "/sessions/revocations"
SECOND = timedelta(seconds=1)


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def fetched(world: World, **query: Any) -> httpx.Response:
    await world.app.state.house.revocations.read()
    return await world.client.get(PATH, params=query)


async def opened(world: World, document: str) -> dict[str, Any]:
    """What it says, verified with nothing but the published keys."""
    published = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
    head = jwt.get_unverified_header(document)
    assert set(head) == {"alg", "kid", "typ"}
    assert head["typ"] == "revocations+jwt"
    key = jwt.PyJWK(next(one for one in published if one["kid"] == head["kid"]))
    unjudged: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    told: dict[str, Any] = jwt.decode(document, key, algorithms=[head["alg"]], options=unjudged)
    return told


async def told(world: World, **query: Any) -> dict[str, Any]:
    answer = await fetched(world, **query)
    assert answer.status_code == 200, answer.text
    return await opened(world, answer.text)


async def test_an_ended_session_is_in_it_with_its_time(world: World) -> None:
    ada, bob = await signed_in(world), await signed_in(world)
    session = (await ada.call("GET", "/session")).json()["sid"]
    await ada.call("POST", "/logout", {})
    now = int(world.clock.now().timestamp())

    document = await told(world)

    assert session in document["sessions"]
    assert now <= document["sessions"][session] <= now + 2
    assert (await bob.call("GET", "/session")).json()["sid"] not in document["sessions"]
    assert (document["iss"], document["iat"], document["exp"]) == ("http://127.0.0.1:8000", now, now + 30)
    assert document["reach"] == 660
    assert "since" not in document
    assert "aud" not in document
    assert "sub" not in document


async def test_a_deleted_user_is_in_it_with_the_time_before_which_no_token_is_good(world: World) -> None:
    ada = await signed_in(world)
    claims = (await ada.call("GET", "/session")).json()
    operator = Operator(world.app.state.house.database)
    await operator.delete((await operator.find(ada.email)).id)
    document = await told(world)
    assert claims["iat"] < document["users"][claims["sub"]] <= claims["iat"] + 32
    assert claims["sid"] not in document["sessions"]


async def test_who_follows_gets_only_the_newest_and_who_fell_behind_gets_everything(world: World) -> None:
    ada, bob = await signed_in(world), await signed_in(world)
    first = (await ada.call("GET", "/session")).json()["sid"]
    await ada.call("POST", "/logout", {})
    before = await told(world)
    world.clock.forward(timedelta(seconds=100))
    second = (await bob.call("GET", "/session")).json()["sid"]
    await bob.call("POST", "/logout", {})

    now = int(world.clock.now().timestamp())
    newest, followed = await told(world, since=now), await told(world, since=now - 30)
    for document in (newest, followed):
        assert second in document["sessions"]
        assert first not in document["sessions"]
        assert document["since"] == now - 60
    behind, everything = await told(world, since=before["iat"]), await told(world)
    for document in (behind, everything):
        assert {first, second} <= set(document["sessions"])
        assert "since" not in document


async def test_what_ended_an_overlap_before_is_told_again(world: World) -> None:
    """It may have been committed late, or be new to the replica that is asked."""
    ada = await signed_in(world)
    session = (await ada.call("GET", "/session")).json()["sid"]
    await ada.call("POST", "/logout", {})
    await told(world)
    world.clock.forward(timedelta(seconds=29))
    assert session in (await told(world, since=int(world.clock.now().timestamp())))["sessions"]


async def test_a_clock_that_runs_ahead_is_no_fault(world: World) -> None:
    now = int(world.clock.now().timestamp())
    assert (await told(world, since=now + 4))["since"] == now - 60


@pytest.mark.parametrize("since", ["", "x", "-1", "1.5", "1e3", "NaN", "9007199254740992", "9" * 400, "now()", "\x00"])
async def test_a_since_that_is_none_is_refused(world: World, since: str) -> None:
    refused = await world.client.get(PATH, params={"since": since})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert refused.json()["errors"][0]["pointer"] == "query/since"


async def test_a032_what_else_is_asked_changes_nothing(world: World) -> None:
    """A032: nothing of the request is reflected, and no cache can be filled with it."""
    plain = await fetched(world)
    for given in (
        {"params": {"x": "1"}},
        {"headers": {"Accept": "text/html"}},
        {"headers": {"X-Forwarded-Host": "evil"}},
    ):
        answer = await world.client.get(PATH, **given)  # type: ignore[arg-type]
        assert answer.content == plain.content
    assert plain.headers["content-type"] == "application/revocations+jwt"
    assert plain.headers["cache-control"] == "public, max-age=1"


async def test_it_is_signed_once_a_second_however_many_ask_and_anew_when_something_ended(world: World) -> None:
    first, again = await fetched(world), await fetched(world, since=1)
    assert first.content == again.content
    world.clock.forward(SECOND)
    assert (await fetched(world)).content != first.content

    ada, bob = await signed_in(world), await signed_in(world)
    for person in (ada, bob):
        session = (await person.call("GET", "/session")).json()["sid"]
        await person.call("POST", "/logout", {})
        assert session in (await told(world))["sessions"]


async def test_it_asks_no_database(world: World) -> None:
    await fetched(world)
    with asked() as seen:
        for _ in range(20):
            assert (await world.client.get(PATH)).status_code == 200
    assert seen == []


async def test_it_is_no_token_anywhere_and_no_token_is_one(world: World) -> None:
    ada = await signed_in(world)
    document = (await fetched(world)).text
    for method, path in (("GET", "/session"), ("GET", "/verify-otp"), ("GET", "/me/factors")):
        refused = await ada.call(method, path, token=document)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    head = jwt.get_unverified_header(ada.access_token)
    assert head["typ"] == "at+jwt"
    assert jwt.get_unverified_header(document)["kid"] == head["kid"], "so nothing but the type tells them apart"


async def test_a_feed_with_a_tokens_claims_and_a_token_with_a_feeds_type_open_nothing(world: World) -> None:
    """The same key, the right issuer and audience: the type alone must do."""
    ada = await signed_in(world)
    key = world.app.state.house.tokens.keys.access
    claims = jwt.decode(ada.access_token, options={"verify_signature": False})
    for typ, status in (("at+jwt", 200), ("revocations+jwt", 401), ("application/revocations+jwt", 401)):
        token = jwt.encode(claims, key.private, key.alg, {"typ": typ, "kid": key.kid})
        assert (await ada.call("GET", "/session", token=token)).status_code == status, typ
    both = jwt.encode({**claims, "sessions": {}, "users": {}}, key.private, key.alg, {"typ": "at+jwt", "kid": key.kid})
    assert (await ada.call("GET", "/session", token=both)).status_code == 401


async def test_who_cannot_know_what_ended_publishes_nothing(postgres_url: str, tmp_path: Path) -> None:
    url = await postgres.create_migrated(postgres_url, "feed_gone")
    async with running(settings_for(url, tmp_path)) as world:
        assert (await fetched(world)).status_code == 200
        await postgres.drop(postgres_url, "feed_gone")
        world.clock.forward(2 * SECOND)
        refused = await world.client.get(PATH)
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert refused.headers["cache-control"] == "no-store"


async def test_how_long_it_is_good_is_a_setting(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path, tokens={"revocations_life": 5})) as world:
        document = await told(world)
    assert document["exp"] - document["iat"] == 5
