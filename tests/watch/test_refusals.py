"""Refused tokens are told in one line a second at most, with how many there were, and are refused all the same."""

import asyncio

from app.watch.refusals import Refusals
from tests.ring import hearing
from tests.world import World


def told(refusals: Refusals) -> list[str]:
    with hearing() as lines:
        refusals.tell()
    return [line["times"] for line in lines if line["event"] == "token.refused"]


def test_a_flood_is_one_line_and_none_is_forgotten() -> None:
    refusals = Refusals()
    for _ in range(10_000):
        refusals.note()
    assert told(refusals) == ["10000"]
    assert told(refusals) == []


async def test_every_guard_counts_bad_tokens_and_nothing_else(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    refusals = world.app.state.house.refusals
    told(refusals)
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await world.client.get("/session")).status_code == 401
    assert told(refusals) == []
    for path in ("/session", "/verify-otp", "/me/factors"):
        assert (await ada.call("GET", path, token="x.y.z")).status_code == 401
    assert told(refusals) == ["3"]
    assert (await ada.call("POST", "/logout")).status_code == 204
    assert (await ada.call("GET", "/session")).status_code == 401
    assert told(refusals) == ["1"]


async def test_they_are_told_by_themselves_within_a_second_or_so(world: World) -> None:
    with hearing() as lines:
        assert (await world.client.get("/me", headers={"Authorization": "Bearer x"})).status_code == 401
        await asyncio.sleep(1.5)
    assert [line["times"] for line in lines if line["event"] == "token.refused"] == ["1"]
