"""After a backup was restored: everybody is signed out, in batches, and nothing that was held before is good."""

from datetime import timedelta

import asyncpg
import pytest

from app.flows import everybody
from app.flows.everybody import AllEnded, EndAll
from tests.world import World

LIVE = "SELECT count(*) FROM sessions WHERE ended_at IS NULL"


async def test_nothing_that_anybody_held_is_good_any_more(
    world: World, sweeper: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everybody, "_AT_ONCE", 2)
    people = [await world.signed_up() for _ in range(5)]
    for person in people:
        await person.sign_in()
    ada = await world.with_phone()
    await ada.login()

    house = world.app.state.house
    assert await EndAll(house.database)(reason="restored") == AllEnded(users=6, sessions=6)

    assert await sweeper.fetchval(LIVE) == 0
    await house.revocations.read()
    for person in (*people, ada):
        assert (await person.refresh()).status_code == 401
        assert (await person.call("GET", "/session")).json()["code"] == "invalid_token"
    assert (await ada.verify(ada.code("sign_in"))).status_code == 401, "a sign-in that waited is over"
    world.clock.forward(timedelta(minutes=1))
    await ada.sign_in()
    assert (await ada.call("GET", "/session")).status_code == 200


async def test_a_session_that_this_database_never_heard_of_is_over_too(
    world: World, sweeper: asyncpg.Connection
) -> None:
    """It was opened after the backup: its row is gone, and its access token would live on for minutes."""
    ada = await world.signed_up()
    await ada.sign_in()
    await sweeper.execute("DELETE FROM sessions")
    assert (await ada.call("GET", "/session")).status_code == 200

    house = world.app.state.house
    assert await EndAll(house.database)() == AllEnded(users=1, sessions=0)
    await house.revocations.read()

    assert (await ada.call("GET", "/session")).status_code == 401


async def test_with_nobody_there_nothing_happens(world: World) -> None:
    assert await EndAll(world.app.state.house.database)() == AllEnded(0, 0)
