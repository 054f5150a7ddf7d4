"""However many refresh at once, on whichever worker: one branch, and whoever was in time goes on."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Request, at_once, both, lines
from tests.attack.measured import measured
from tests.attack.people import expect, newcomer, refreshing

pytestmark = pytest.mark.attack


async def test_a109_fifty_parallel_refreshes_of_one_token_make_one_branch(house: House) -> None:
    """Everyone who asks in time is given the same successor, by one rotation, and what they were given is good."""
    ada = await newcomer(house.service)
    parent, live = (
        ada.refresh_token,
        "SELECT count(*) FROM sessions WHERE id = $1 AND ended_at IS NULL AND counter = $2",
    )
    replies = await at_once(house.service, [refreshing(parent)] * 50)
    assert [reply.status for reply in replies] == [200] * 50
    assert len({reply.body["refresh_token"] for reply in replies}) == 1
    assert parent not in {reply.body["refresh_token"] for reply in replies}
    (session,) = {UUID(reply.body["session_id"]) for reply in replies}
    assert await house.one(live, session, 1) == 1
    asked = [Request("GET", "/session", token=reply.body["access_token"]) for reply in replies]
    assert {reply.status for reply in await at_once(house.service, asked)} == {200}

    ada.keep(replies[0].body)
    expect(await ada.refresh(), 200)
    assert await house.one(live, session, 2) == 1
    expect(await ada.session(), 200)


async def test_a109_two_tabs_that_refresh_within_a_second_both_go_on_with_what_each_got(house: House) -> None:
    """Round after round, now one first and now the other; nobody is signed out, and there is still one session."""
    ada = await newcomer(house.service)
    tokens = [ada.refresh_token] * 2
    async with lines(house.service, 2) as tabs:
        for nth, pause in enumerate((0, 0.001, 0.02, 0.2, 0.5, 0.9)):
            for tab in (0, 1) if nth % 2 else (1, 0):
                reply = await tabs[tab].answer(refreshing(tokens[tab]))
                assert reply.told == (200, ""), f"round {nth}"
                tokens[tab] = reply.body["refresh_token"]
                assert (await tabs[tab].ask("GET", "/session", token=reply.body["access_token"])).status == 200
                await asyncio.sleep(pause)
    assert tokens[0] == tokens[1]
    counters = (
        "SELECT array_agg(counter) FROM sessions JOIN users u ON u.id = user_id WHERE email = $1 AND ended_at IS NULL"
    )
    assert await house.one(counters, ada.email) == [6]


async def test_a109_two_tabs_on_two_workers_refresh_at_once_again_and_again(house: House) -> None:
    ada = await newcomer(house.service)
    async with lines(house.service, 2) as (left, right):
        for _ in range(40):
            asked = refreshing(ada.refresh_token)
            replies = await both((left, asked), (right, asked))
            assert [reply.status for reply in replies] == [200, 200]
            assert replies[0].body["refresh_token"] == replies[1].body["refresh_token"]
            ada.keep(replies[0].body)
    expect(await ada.session(), 200)


async def test_a107_a_late_parent_beside_its_child_never_makes_a_second_branch(house: House) -> None:
    """A107: either the parent was in time and gets the child, or the session ends."""
    seen: Counter[int] = Counter()
    async with lines(house.service, 2) as (left, right):
        for _ in range(12):
            ada = await newcomer(house.service)
            parent = ada.refresh_token
            child = expect(await ada.refresh(), 200).json()["refresh_token"]
            late, next_ = await both((left, refreshing(parent)), (right, refreshing(child)))
            seen[late.status] += 1
            if late.status == 200:
                assert late.body["refresh_token"] == child
                assert next_.status == 200
            elif next_.status == 200:
                ada.keep(next_.body)
                expect(await ada.refresh(), 401)
            live = "SELECT count(*) FROM sessions JOIN users u ON u.id = user_id WHERE email = $1 AND ended_at IS NULL"
            assert await house.one(live, ada.email) == (late.status == 200)
    measured(f"late parents: {dict(seen)}")
