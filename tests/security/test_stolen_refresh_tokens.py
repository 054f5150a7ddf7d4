"""Refresh tokens in other hands: copied and replayed, retried, outlived, taken from the database, asked for more."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.resets import disable, forgot, reset
from tests.ring import hearing
from tests.security.test_nothing_secret_at_rest import forms
from tests.world import Person, World

MINUTE = timedelta(minutes=1)


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def rotations(ada: Person, count: int, *, pause: timedelta) -> list[dict[str, Any]]:
    """The answers of so many refreshes, one after the other."""
    answers = []
    for _ in range(count):
        ada.world.clock.forward(pause)
        answers.append((await ada.refresh()).json())
        ada.keep(answers[-1])
    return answers


async def is_dead(world: World, tokens: list[str]) -> bool:
    """None of these refresh tokens is worth anything."""
    answers = [await world.person().refresh(token) for token in tokens]
    return {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "invalid_refresh_token")}


async def test_a107_a_stolen_token_replayed_later_kills_the_whole_session_and_its_owner_is_told(world: World) -> None:
    ada = await signed_in(world)
    elsewhere = Person(world, email=ada.email)
    await elsewhere.sign_in()
    session = (await ada.call("GET", "/session")).json()
    stolen = ada.refresh_token
    answers = await rotations(ada, 3, pause=2 * MINUTE)

    with hearing() as lines:
        replayed = await world.person().refresh(stolen)
        again = await world.person().refresh(stolen)

    assert {(answer.status_code, answer.json()["code"]) for answer in (replayed, again)} == {
        (401, "invalid_refresh_token")
    }
    assert await is_dead(world, [stolen, *(answer["refresh_token"] for answer in answers)])
    for answer in answers:
        refused = await ada.call("GET", "/session", token=answer["access_token"])
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    told = [line for line in lines if line["event"] == "session.token_reused"]
    assert [(line["user_id"], line["session_id"]) for line in told] == [(session["sub"], session["sid"])]
    assert stolen not in json.dumps(lines)
    assert "twice" in (await world.message(ada.email, "notice")).text
    assert len([entry for entry in world.inbox(ada.email) if entry.purpose == "notice"]) == 1
    assert (await elsewhere.call("GET", "/session")).status_code == 200
    assert (await elsewhere.refresh()).status_code == 200


async def test_a107_a_thief_who_is_faster_than_the_owner_is_found_out_by_the_owner(world: World) -> None:
    ada = await signed_in(world)
    thief = Person(world, refresh_token=ada.refresh_token)
    loot = await rotations(thief, 2, pause=MINUTE)
    assert (await ada.refresh()).status_code == 401
    assert await is_dead(world, [ada.refresh_token, *(answer["refresh_token"] for answer in loot)])
    assert (await thief.call("GET", "/session", token=loot[-1]["access_token"])).status_code == 401


async def test_a109_however_often_it_is_asked_again_there_is_one_successor(world: World) -> None:
    ada = await signed_in(world)
    answers = [(await ada.refresh()).json()]
    for seconds in (0, 1, 29, 30):
        world.clock.forward(timedelta(seconds=seconds))
        answers.append((await ada.refresh()).json())
    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({answer["session_id"] for answer in answers}) == 1
    for answer in answers:
        assert (await ada.call("GET", "/session", token=answer["access_token"])).status_code == 200


async def test_a109_the_successor_is_given_again_only_while_it_is_unused(world: World) -> None:
    ada = await signed_in(world)
    parent = ada.refresh_token
    answers = await rotations(ada, 2, pause=timedelta(0))
    assert await is_dead(world, [parent])
    assert await is_dead(world, [answer["refresh_token"] for answer in answers])


async def test_a109_two_tabs_that_refresh_within_a_second_both_go_on(world: World) -> None:
    """Each with what it got, now this one first and now that one."""
    ada = await signed_in(world)
    tabs = [Person(world, refresh_token=ada.refresh_token) for _ in range(2)]
    for turn in range(6):
        for tab in tabs if turn % 2 else tabs[::-1]:
            await tab.refresh_session()
            world.clock.forward(timedelta(seconds=0.9))
        for tab in tabs:
            assert (await tab.call("GET", "/session")).status_code == 200
        world.clock.forward(9 * MINUTE)
    assert tabs[0].refresh_token == tabs[1].refresh_token


async def logs_out(ada: Person) -> None:
    assert (await ada.call("POST", "/logout", {})).status_code == 204


async def has_a_new_password(ada: Person) -> None:
    assert (await reset(ada, await forgot(ada))).status_code == 204


async def gets_a_factor_elsewhere(ada: Person) -> None:
    other = Person(ada.world, email=ada.email)
    await other.sign_in()
    await other.enrol_app()


async def is_idle(ada: Person) -> None:
    ada.world.clock.forward(timedelta(days=14))


async def is_signed_in_for_thirty_days(ada: Person) -> None:
    for _ in range(3):
        ada.world.clock.forward(timedelta(days=9))
        await ada.refresh_session()
    ada.world.clock.forward(timedelta(days=3))


ENDS = [disable, logs_out, has_a_new_password, gets_a_factor_elsewhere, is_idle, is_signed_in_for_thirty_days]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_a110_after_its_end_a_session_is_not_refreshed(
    world: World, end: Callable[[Person], Awaitable[None]]
) -> None:
    ada = await signed_in(world)
    parent = ada.refresh_token
    await ada.refresh_session()
    await end(ada)
    assert await is_dead(world, [ada.refresh_token])
    assert await is_dead(world, [parent])


async def test_a112_nothing_in_the_database_refreshes(world: World, sweeper: asyncpg.Connection) -> None:
    """A dump of the session's row, of its user and of the devices, in every form in which it could be presented."""
    ada = await signed_in(world)
    await ada.refresh_session()
    rows = [row for table in ("sessions", "users", "devices") for row in await sweeper.fetch(f"SELECT * FROM {table}")]  # noqa: S608  names above
    values = [value for row in rows for value in row.values() if value is not None]
    session = next(row for row in rows if "counter" in row)
    body = session["id"].bytes + session["counter"].to_bytes(4)
    raw = [value for value in values if isinstance(value, bytes)] + [session["key_id"], bytes(32), body]
    presented = {form.decode(errors="replace") for value in values for _, form in forms(str(value))}
    presented |= {urlsafe_b64encode(body + mac).decode().rstrip("=") for mac in raw}
    presented |= {urlsafe_b64encode(value.bytes).decode() for value in values if isinstance(value, UUID)}
    for text in sorted(presented):
        for token in (text[:256], f"ghr_{text}"[:256]):
            assert (await world.person().refresh(token or "-")).json()["code"] == "invalid_refresh_token", token
    assert (await ada.refresh()).status_code == 200


MORE: list[dict[str, Any]] = [
    {"scope": "admin"},
    {"scope": "full"},
    {"acr": "urn:gatehouse:mfa"},
    {"acr_values": "urn:gatehouse:phr"},
    {"amr": ["pwd", "otp", "mfa"]},
    {"auth_time": 4_000_000_000},
    {"session_id": "018f0000-0000-7000-8000-000000000002"},
    {"grant_type": "refresh_token"},
    {"mfa_token": "x"},
]


async def test_a113_who_asks_for_more_gets_nothing_and_loses_nothing(world: World) -> None:
    ada = await signed_in(world)
    before = (await ada.call("GET", "/session")).json()
    for more in MORE:
        refused = await ada.call("POST", "/token/refresh", {"refresh_token": ada.refresh_token, **more}, token="")
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed"), more
    in_query = f"/token/refresh?scope=admin&acr_values={before['acr']}"
    renewed = (await ada.call("POST", in_query, {"refresh_token": ada.refresh_token}, token="")).json()
    after = (await ada.call("GET", "/session", token=renewed["access_token"])).json()
    kept = ("sub", "sid", "auth_time", "amr", "acr", "scope", "aud", "client_id")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


async def test_a113_what_a_step_up_raised_is_not_refreshed_into_the_session(world: World) -> None:
    ada = await world.with_app()
    await ada.login(factor="totp")
    await ada.verify(ada.app_code())
    before = (await ada.call("GET", "/session")).json()
    world.clock.forward(9 * MINUTE)
    assert (await ada.step_up(ada.app_code(), "totp")).status_code == 200
    raised = (await ada.call("GET", "/session")).json()
    await ada.refresh_session()
    after = (await ada.call("GET", "/session")).json()
    assert raised["auth_time"] > before["auth_time"] == after["auth_time"]
