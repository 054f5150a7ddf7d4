"""Every route of the app against every kind of token: only the diagonal opens anything (A019, A022, law 4)."""

import re
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI

from app.api.guard import PUBLIC, admissions, refuse_unguarded
from app.crypto.claims import Scope
from app.store import users
from tests.resets import forgot
from tests.security.attacker import at_the_door
from tests.world import NOWHERE, World

_OPENS = {Scope.FULL: {"access"}, Scope.MFA_PENDING: {"pending"}, Scope.MFA_ENROLL: {"enrollment", "access"}}

_WAITS_FOR_A_CODE = "POST /me/factors/email-code"
"""It refuses whoever was not sent to their mailbox first, as neither of these were."""


async def test_a019_a022_each_kind_is_refused_wherever_another_is_expected(world: World) -> None:
    ada = await world.with_phone()
    await ada.sign_in()
    await ada.login()
    tokens = {"access": ada.access_token, "pending": ada.mfa_token, "refresh": ada.refresh_token, "none": ""}
    bob, house = await world.signed_up(), world.app.state.house
    async with house.database.read() as tx:
        waiting = await house.login.pending.have_enrolled(await users.by_email(tx, bob.email), NOWHERE)
    tokens["enrollment"] = waiting.enrollment_token
    tokens |= {"reset": await forgot(bob), "id-like": (await at_the_door(world)).forge.with_header(typ="JWT")}
    guarded = [(operation, guard) for operation, guard in admissions(world.app) if guard]
    guarded.sort(key=lambda one: one[0] == "DELETE /me")  # after it no token of hers opens anything
    assert len(guarded) >= 8

    for operation, guard in guarded:
        method, _, path = operation.partition(" ")
        for kind, token in tokens.items():
            answer = await ada.call(method, re.sub(r"\{\w+\}", str(uuid4()), path), token=token)
            let_in = kind in _OPENS[guard.scope] and operation != _WAITS_FOR_A_CODE
            assert (answer.status_code == 401) != let_in, (operation, kind, answer.text)
            if not let_in:
                assert answer.json()["code"] == "invalid_token"
                assert ('error="invalid_token"' in answer.headers["www-authenticate"]) == (kind != "none")


async def test_a_refusal_names_the_kind_that_was_presented(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    as_access = await ada.call("GET", "/me", token=ada.mfa_token)
    as_pending = await ada.call("GET", "/verify-otp", token=ada.access_token)
    assert "mfa-pending token" in as_access.json()["detail"]
    assert "an access token" in as_pending.json()["detail"]


async def test_a_refresh_token_is_no_bearer_and_a_bearer_no_refresh_token(world: World) -> None:
    ada = await world.with_phone()
    await ada.sign_in()
    for token in (ada.mfa_token, ada.access_token):
        assert (await ada.refresh(token[:256])).json()["code"] == "invalid_refresh_token"


async def test_a_token_in_the_query_or_twice_is_not_looked_at(world: World) -> None:
    """N38, N46: one transport, and never the URL."""
    ada = await world.signed_up()
    await ada.sign_in()
    in_query = await world.client.get("/session", params={"access_token": ada.access_token})
    bearer = f"Bearer {ada.access_token}"
    twice = await world.client.get("/session", headers=[("Authorization", bearer), ("Authorization", bearer)])
    in_cookie = await world.client.get("/session", headers={"Cookie": f"access_token={ada.access_token}"})
    basic = await world.client.get("/session", headers={"Authorization": "Basic YTpi"})
    statuses = [answer.status_code for answer in (in_query, twice, in_cookie, basic)]
    assert statuses == [401, 400, 401, 401]


def test_the_public_list_names_only_routes_that_exist(world: World) -> None:
    operations = {operation for operation, guard in admissions(world.app) if guard is None}
    assert operations == PUBLIC - {"GET /metrics"}  # there with METRICS__TOKEN only


@pytest.mark.parametrize("as_mount", [False, True])
def test_the_app_does_not_start_with_a_route_that_is_neither_public_nor_guarded(as_mount: bool) -> None:
    app, router = FastAPI(openapi_url=None, docs_url=None, redoc_url=None), APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> None: ...

    if as_mount:
        app.mount("/sub", FastAPI(openapi_url=None))
    else:
        app.router.routes.extend(router.routes)
    with pytest.raises(RuntimeError, match=r"Neither public nor guarded: .*(forgotten|sub)"):
        refuse_unguarded(app)
