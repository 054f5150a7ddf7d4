"""For browsers: the refresh token in a cookie that no script reads and no other site can use."""

import re
from http.cookies import Morsel, SimpleCookie
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.api.guard import admissions
from tests.world import Person, World

COOKIE = "__Host-gatehouse-refresh"
CSRF = {"X-Gatehouse-CSRF": "1"}


def morsel(answer: httpx.Response) -> Morsel[str]:
    """What the answer set; httpx itself would not keep it, because the tests speak http."""
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE]


async def with_cookie(
    world: World, path: str, token: str, *, body: Any = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    sent = {"Cookie": f"{COOKIE}={token}", **(CSRF if headers is None else headers)}
    return await world.client.post(path, json=body, headers=sent)


async def signed_in(world: World) -> tuple[Person, str]:
    ada = await world.signed_up()
    return ada, morsel(await ada.login(cookie=True)).value


async def test_the_cookie_takes_the_place_of_the_token_in_the_answer(world: World) -> None:
    ada = await world.signed_up()
    answer = await ada.login(cookie=True)
    assert "refresh_token" not in answer.json()
    set_cookie = morsel(answer)
    assert set_cookie.value.startswith("ghr_")
    attributes = {name: set_cookie[name] for name in ("path", "domain", "secure", "httponly", "samesite", "max-age")}
    assert attributes == {
        "path": "/",
        "domain": "",
        "secure": True,
        "httponly": True,
        "samesite": "strict",
        "max-age": str(answer.json()["refresh_expires_in"]),
    }
    assert answer.headers["cache-control"] == "no-store"


async def test_it_is_remembered_through_the_second_factor(world: World) -> None:
    ada = await world.with_app()
    begun = await ada.login(cookie=True)
    assert "set-cookie" not in begun.headers
    done = await ada.verify(ada.app_code(), factor="totp")
    assert "refresh_token" not in done.json()
    assert morsel(done).value


async def test_without_being_asked_for_there_is_no_cookie(world: World) -> None:
    ada = await world.signed_up()
    answer = await ada.login()
    assert "set-cookie" not in answer.headers
    assert answer.json()["refresh_token"]
    assert "set-cookie" not in (await ada.refresh()).headers


@pytest.mark.parametrize("body", [None, {}])
async def test_a_refresh_rotates_the_cookie(world: World, body: Any) -> None:
    _, token = await signed_in(world)
    answer = await with_cookie(world, "/token/refresh", token, body=body)
    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()
    assert morsel(answer).value not in {"", token}


@pytest.mark.parametrize("headers", [{}, {"X-Gatehouse-CSRF": "0"}, {"X-CSRF-Token": "1"}])
@pytest.mark.parametrize("path", ["/token/refresh", "/logout"])
async def test_a_cookie_without_the_csrf_header_is_refused(world: World, path: str, headers: dict[str, str]) -> None:
    ada, token = await signed_in(world)
    refused = await with_cookie(world, path, token, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_required")
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await with_cookie(world, "/token/refresh", token)).status_code == 200


async def test_without_any_token_a_refresh_is_refused(world: World) -> None:
    for body in ("", "{}"):
        refused = await world.client.post(
            "/token/refresh", content=body, headers={**CSRF, "Content-Type": "application/json"}
        )
        assert refused.json()["code"] == "invalid_refresh_token"


async def test_a_token_in_the_body_speaks_for_itself(world: World) -> None:
    """What the body says counts, and the answer goes where the token came from."""
    ada, token = await signed_in(world)
    eve = await world.signed_up()
    await eve.sign_in()
    answer = await with_cookie(world, "/token/refresh", token, body={"refresh_token": eve.refresh_token}, headers={})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    eve.keep(answer.json())
    assert (await eve.call("GET", "/me")).json()["email"] == eve.email
    assert (await ada.call("GET", "/session")).status_code == 200


async def test_logging_out_empties_the_cookie(world: World) -> None:
    ada, token = await signed_in(world)
    answer = await with_cookie(world, "/logout", token)
    assert answer.status_code == 204
    assert (morsel(answer).value, morsel(answer)["max-age"]) == ("", "0")
    assert (await ada.call("GET", "/session")).status_code == 401
    assert (await with_cookie(world, "/token/refresh", token)).json()["code"] == "invalid_refresh_token"
    assert (await with_cookie(world, "/logout", token)).status_code == 204


async def test_a118_a_cookie_alone_opens_no_other_route(world: World) -> None:
    _, token = await signed_in(world)
    sent = {"Cookie": f"{COOKIE}={token}", **CSRF}
    guarded = [operation for operation, guard in admissions(world.app) if guard]
    assert len(guarded) >= 20
    for operation in guarded:
        method, path = re.sub(r"\{\w+\}", str(uuid4()), operation).split()
        body: Any = {} if method in {"POST", "PUT", "PATCH"} else None
        answer = await world.client.request(method, path, json=body, headers=sent)
        assert answer.status_code in {401, 422}, operation  # a body is looked at before the token
