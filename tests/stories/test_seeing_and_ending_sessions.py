"""Sessions as their owner sees them: which are open, on what and from where; one ends, or all others do."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.world import Person, World

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def listed(person: Person) -> list[dict[str, Any]]:
    answer = await person.call("GET", "/me/sessions")
    assert answer.status_code == 200, answer.text
    assert answer.json()["next_cursor"] is None
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def copy_signed_in(world: World, person: Person) -> Person:
    """The same user, with a session of its own."""
    other = Person(world, email=person.email, phone=person.phone)
    await other.sign_in()
    return other


async def test_a_session_tells_what_it_is_on_and_where(world: World) -> None:
    ada = await world.signed_up()
    world.client.headers["User-Agent"] = FIREFOX
    await ada.sign_in()
    (session,) = await listed(ada)
    assert (session["device"], session["network"], session["current"]) == ("Firefox on Windows", "127.0.0.1", True)
    assert (session["acr"], session["amr"]) == ("urn:gatehouse:pwd", ["pwd"])
    assert session["created_at"] == session["last_seen_at"]


async def test_only_open_ones_are_listed_the_one_used_last_first(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(timedelta(minutes=1))
    bob, gone = await copy_signed_in(world, ada), await copy_signed_in(world, ada)
    await gone.call("POST", "/logout", {})
    world.clock.forward(timedelta(minutes=1))
    await ada.refresh_session()
    own, other = await listed(ada)
    assert (own["current"], other["current"]) == (True, False)
    assert [item["current"] for item in await listed(bob)] == [False, True]


async def test_sign_ins_at_once_leave_no_more_sessions_open_than_a_user_may_have(world: World) -> None:
    ada = await world.signed_up()
    devices = [Person(world, email=ada.email) for _ in range(22)]
    for device in devices[:18]:
        await device.sign_in()
    answers = await asyncio.gather(*(device.login() for device in devices[18:]))
    assert [answer.status_code for answer in answers] == [200] * 4
    looks = [(await device.call("GET", "/session")).status_code for device in devices]
    assert [looks.count(status) for status in (200, 401)] == [20, 2]


async def test_when_a_session_was_last_seen_is_known_to_the_minute(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    began = (await listed(ada))[0]["last_seen_at"]
    world.clock.forward(timedelta(seconds=90))
    await ada.call("GET", "/session")
    await world.app.state.house.sightings.write()
    seen = (await listed(ada))[0]["last_seen_at"]
    assert datetime.fromisoformat(seen) - datetime.fromisoformat(began) == timedelta(seconds=90)
    world.clock.forward(timedelta(seconds=30))
    await ada.call("GET", "/session")
    await world.app.state.house.sightings.write()
    assert (await listed(ada))[0]["last_seen_at"] == seen


async def test_ending_one_session_ends_its_tokens(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    other = await copy_signed_in(world, ada)
    (theirs,) = [item["id"] for item in await listed(ada) if not item["current"]]
    assert (await ada.call("DELETE", f"/me/sessions/{theirs}")).status_code == 204
    assert (await other.call("GET", "/session")).status_code == 401
    assert (await other.refresh()).status_code == 401
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await ada.call("DELETE", f"/me/sessions/{theirs}")).json()["code"] == "not_found"


async def test_ending_the_own_session_is_logging_out(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    (own,) = await listed(ada)
    assert (await ada.call("DELETE", f"/me/sessions/{own['id']}")).status_code == 204
    assert (await ada.call("GET", "/session")).status_code == 401


async def test_a115_nobody_sees_or_ends_a_session_of_another_user(world: World) -> None:
    ada, eve = await world.signed_up(), await world.signed_up()
    await ada.sign_in()
    await eve.sign_in()
    (own,) = await listed(ada)
    assert own["id"] not in str(await listed(eve))
    for session_id in (own["id"], uuid4()):
        refused = await eve.call("DELETE", f"/me/sessions/{session_id}")
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert (await ada.call("GET", "/session")).status_code == 200


async def test_ending_all_others_wants_a_fresh_proof(world: World) -> None:
    ada = await world.with_app()
    other = Person(world, email=ada.email)
    await other.login(code=ada.app_code())
    world.clock.forward(timedelta(minutes=6))
    assert (await ada.call("DELETE", "/me/sessions")).json()["code"] == "step_up_required"
    await ada.step_up(ada.app_code(), "totp")
    assert (await ada.call("DELETE", "/me/sessions")).status_code == 204
    assert (await other.call("GET", "/session")).status_code == 401
    assert (await other.refresh()).status_code == 401
    assert len(await listed(ada)) == 1
    assert (await ada.call("DELETE", "/me/sessions")).status_code == 204


async def test_ending_one_takes_an_access_token_and_no_fresh_proof(world: World) -> None:
    """Decision 0017: whoever lost a phone signs it out at once, and the worst a thief can do is to sign others out."""
    ada = await world.with_app()
    other = Person(world, email=ada.email)
    await other.login(code=ada.app_code())
    world.clock.forward(timedelta(minutes=6))
    (theirs,) = [item["id"] for item in await listed(ada) if not item["current"]]
    assert (await ada.call("DELETE", f"/me/sessions/{theirs}", token=other.mfa_token)).status_code == 401
    assert (await ada.call("DELETE", f"/me/sessions/{theirs}")).status_code == 204
    assert (await other.call("GET", "/session")).status_code == 401


async def test_a_twenty_first_session_ends_the_oldest(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    others = []
    for _ in range(20):
        world.clock.forward(timedelta(seconds=1))
        others.append(await copy_signed_in(world, ada))
    assert (await ada.call("GET", "/session")).status_code == 401
    assert len(await listed(others[-1])) == 20
    assert (await others[0].call("GET", "/session")).status_code == 200
