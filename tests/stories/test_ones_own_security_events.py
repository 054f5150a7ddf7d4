"""What happened to one's own account, as its owner sees it: in pages, the newest first, and nobody else's."""

import base64
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.events import Event
from app.flows.security_events import SecurityEvents, read_cursor
from app.watch import audit
from app.watch.event_catalogue import SHOWN
from tests.audit import Log
from tests.world import Person, World

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
PATH = "/me/security-events"


async def page(person: Person, **query: Any) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await person.call("GET", f"{PATH}?{asked}" if asked else PATH)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def later(world: World) -> None:
    """What happens at one moment stands in any order."""
    world.clock.forward(timedelta(seconds=1))


async def names(person: Person) -> list[str]:
    return [item["event"] for item in (await page(person))["items"]]


async def test_what_happened_is_there_with_device_network_and_session(world: World) -> None:
    ada = await world.signed_up()
    world.client.headers["User-Agent"] = FIREFOX
    await ada.sign_in()
    (event,) = (await page(ada))["items"]
    (session,) = (await ada.call("GET", "/me/sessions")).json()["items"]
    assert event["event"] == "sign_in.completed"
    assert event["session_id"] == session["id"]
    assert (event["network"], event["device"]) == (session["network"], session["device"])
    assert event["facts"] == {"acr": "urn:gatehouse:pwd"}


async def test_a_journey_is_told_and_what_is_internal_is_not(world: World) -> None:
    ada = await world.with_phone()
    later(world)
    assert (await ada.login()).status_code == 200
    later(world)
    assert (await ada.verify(ada.wrong_code())).status_code == 401
    later(world)
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200
    await ada.refresh_session()
    later(world)
    await ada.call("PATCH", "/me", {"display_name": "Ada"})
    told = await names(ada)
    assert told[:4] == [
        "user.profile_changed",
        "sign_in.completed",
        "challenge.code_refused",
        "challenge.code_asked",
    ]
    assert {"factor.confirmed", "factor.enrolment_begun"} <= {*told}
    assert not {"session.refreshed", "message.sent"} & {*told}


async def test_a_wrong_password_of_somebody_else_is_seen_by_the_owner(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    later(world)
    await world.person().call("POST", "/login", {"email": ada.email, "password": "a guess of somebody"}, token="")
    assert (await names(ada))[0] == "password.refused"


async def test_signing_out_is_seen_at_the_next_sign_in(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    later(world)
    await ada.call("POST", "/logout", {})
    later(world)
    await ada.sign_in()
    (_, ended, _) = (await page(ada))["items"]
    assert (ended["event"], ended["facts"]) == ("session.ended", {"reason": "logout"})


async def test_a115_nobody_sees_the_events_of_another_user(world: World) -> None:
    ada, eve = await world.signed_up(), await world.signed_up()
    for person in (ada, eve):
        await person.sign_in()
        await person.sign_in()
    first = await page(ada, limit=1)
    assert len(first["items"]) == 1
    stolen = await page(eve, cursor=first["next_cursor"])
    theirs = {item["id"] for item in (await page(ada))["items"]}
    assert not theirs & {item["id"] for item in stolen["items"]}
    assert (await ada.call("GET", PATH, token="")).status_code == 401
    assert (await ada.call("GET", PATH, token=ada.mfa_token or "x.y.z")).status_code == 401


async def test_a_pending_token_sees_nothing(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    refused = await ada.call("GET", PATH, token=ada.mfa_token)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


async def test_pages_hold_everything_once_also_what_happened_at_one_moment(world: World) -> None:
    ada = await world.signed_up()
    for _ in range(7):
        await ada.sign_in()
    whole = [item["id"] for item in (await page(ada))["items"]]
    found, cursor = list[str](), ""
    while True:
        told = await page(ada, limit=3, **({"cursor": cursor} if cursor else {}))
        found += [item["id"] for item in told["items"]]
        cursor = told["next_cursor"]
        if not cursor:
            break
        later(world)
        await ada.sign_in()  # what comes meanwhile is newer, and moves nothing
    assert len({*found}) == len(found) == 7
    assert found == whole


@pytest.mark.parametrize(
    "query",
    [
        "cursor=",
        "cursor=x",
        f"cursor={'A' * 31}",
        f"cursor={'A' * 33}",
        f"cursor={'_' * 32}",
        f"cursor={'A' * 31}!",
        f"cursor={UUID(int=7)}",
        "cursor=%00",
        "limit=0",
        "limit=101",
        "limit=ten",
    ],
)
async def test_what_no_answer_ever_had_is_refused(world: World, query: str) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    refused = await ada.call("GET", f"{PATH}?{query}")
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    if query.startswith("cursor="):
        told = {"pointer": "query/cursor", "detail": "Must be the next_cursor of the page before."}
        assert told in refused.json()["errors"]
    assert refused.json()["errors"][0]["pointer"] == f"query/{query.partition('=')[0]}"


def test_a_cursor_beyond_all_time_is_none() -> None:
    with pytest.raises(ValueError, match="no time"):
        read_cursor(base64.urlsafe_b64encode(b"\xff" * 24).decode())
    assert read_cursor("A" * 32).at.year == 1970


async def test_what_an_operator_did_is_seen_without_who_and_why(log: Log) -> None:
    ada = await log.world.signed_up()
    await ada.sign_in()
    user_id = (await log.named("sign_in.completed"))["user_id"]
    trail = log.trail()
    with trail.record() as record:
        audit.note(Event.USER_UNLOCKED, user_id=user_id, by="root", reason="she looked suspicious")
        audit.note(Event.CLAIMS_SET, user_id=user_id, names="fraud_score", by="root")
        await trail.write(record)
    log.world.clock.forward(timedelta(seconds=1))
    answer = await ada.call("GET", PATH)
    told = answer.json()["items"]
    assert {item["event"] for item in told} == {"user.unlocked", "sign_in.completed"}
    unlocked = next(item for item in told if item["event"] == "user.unlocked")
    assert (unlocked["facts"], unlocked["network"], unlocked["device"]) == ({}, None, None)
    for word in ("root", "suspicious", "fraud"):
        assert word not in answer.text
        assert word not in (await ada.call("GET", "/me/export")).text


async def test_an_event_that_this_code_does_not_know_is_shown_to_nobody(log: Log) -> None:
    ada = await log.world.signed_up()
    await ada.sign_in()
    await log.forge(
        "UPDATE audit_events SET event = 'sign_in.of_tomorrow', facts = '{\"acr\": \"x\"}' WHERE user_id IS NOT NULL"
    )
    assert (await page(ada))["items"] == []
    (held,) = (await ada.call("GET", "/me/export")).json()["security_events"]
    assert (held["event"], held["facts"]) == ("sign_in.of_tomorrow", {})


async def test_the_export_has_every_event_the_oldest_first_with_the_address(log: Log) -> None:
    ada = await log.world.signed_up()
    log.world.client.headers["User-Agent"] = FIREFOX
    await ada.sign_in()
    later(log.world)
    await ada.refresh_session()
    await log.written("session.refreshed", 1)
    told = (await ada.call("GET", "/me/export")).json()
    events = told["security_events"]
    assert [event["event"] for event in events] == ["sign_in.completed", "session.refreshed"]
    assert {(event["network_address"], event["agent"]) for event in events} == {("127.0.0.1", FIREFOX)}
    assert told["security_events_complete"] is True
    assert events[1]["event"] not in SHOWN


async def test_an_export_holds_so_many_events_and_says_that_there_are_more(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.flows.security_events._PAGE", 2)
    monkeypatch.setattr("app.flows.security_events._MOST_HELD", 4)
    ada = await log.world.signed_up()
    for _ in range(5):
        log.world.clock.forward(timedelta(seconds=1))
        await ada.sign_in()
    user_id = (await log.named("sign_in.completed"))["user_id"]
    held, complete = await SecurityEvents(log.database, log.keys()).held(user_id)
    newest = [row["id"] for row in sorted(await log.events(), key=lambda row: row["at"]) if row["user_id"] == user_id]
    assert ([event.id for event in held], complete) == (newest[-4:], False)
