"""A code that may not be sent is not sent: the provider is not asked, the answer says so, and other factors stay usable."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn, status
from tests.world import Person, World, running, settings_for


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def world(database_url: str, tmp_path: Path, plivo: PlivoStandIn) -> AsyncIterator[World]:
    account = {"plivo_auth_id": AUTH_ID, "plivo_auth_token": AUTH_TOKEN, "plivo_src": "+12025550100"}
    sms = {**account, "plivo_base_url": plivo.url, "prices": {"US": 0.01}}
    limits = {"mode": "enforce", "number": "2/10minute"}
    async with running(settings_for(database_url, tmp_path, sms=sms, sms_limits=limits)) as world:
        yield world


def code(plivo: PlivoStandIn) -> str:
    """The code of the newest SMS that Plivo was given."""
    text: str = plivo.requests[-1].body["text"]
    return text[:6]


async def with_phone(world: World, plivo: PlivoStandIn) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = await ada.begin_phone()
    assert (await ada.confirm(begun.json()["id"], code(plivo))).status_code == 200
    return ada


async def use_up(world: World, ada: Person, **more: str) -> None:
    """Have codes sent until the number gets no more: two, a cool-down apart."""
    for pause in (30, 60):
        assert (await ada.login(**more)).json()["challenge"]["delivery"] == "accepted"
        world.clock.forward(timedelta(seconds=pause))


async def ask_again(ada: Person) -> httpx.Response:
    return await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)


async def test_a061_a_login_says_that_nothing_was_sent_and_goes_on_with_another_factor(
    world: World, plivo: PlivoStandIn
) -> None:
    ada = await with_phone(world, plivo)
    await use_up(world, ada)
    sent = len(plivo.requests)
    asked = await ada.login()
    assert asked.status_code == 200
    challenge = asked.json()["challenge"]
    assert (challenge["factor"], challenge["delivery"], challenge["attempts_left"]) == ("sms", "none", 5)
    assert challenge["resend_after"] > 0
    assert [factor["kind"] for factor in asked.json()["factors"]] == ["sms", "recovery_code"]
    assert (await ada.call("GET", "/verify-otp", token=ada.mfa_token)).json()["delivery"] == "none"
    assert (await ada.verify(ada.recovery_codes[0], factor="recovery_code")).status_code == 200
    assert len(plivo.requests) == sent


async def test_asked_for_by_name_it_is_no_failure_and_the_last_code_stays_good(
    world: World, plivo: PlivoStandIn
) -> None:
    ada = await with_phone(world, plivo)
    await ada.login()
    world.clock.forward(timedelta(seconds=30))
    assert (await ask_again(ada)).json()["delivery"] == "accepted"
    world.clock.forward(timedelta(seconds=60))
    sent = len(plivo.requests)
    refused = await ask_again(ada)
    assert (refused.status_code, refused.json()["delivery"], refused.json()["expires_in"]) == (200, "none", 240)
    assert (await ask_again(ada)).json()["code"] == "resend_too_soon"
    assert len(plivo.requests) == sent
    assert (await ada.verify(code(plivo))).status_code == 200


async def test_instead_of_an_app_it_leaves_the_apps_question_as_it_is(world: World, plivo: PlivoStandIn) -> None:
    ada = await with_phone(world, plivo)
    await ada.enrol_app()
    await use_up(world, ada, factor="sms")
    assert (await ada.login()).json()["challenge"]["factor"] == "totp"
    refused = (await ask_again(ada)).json()
    assert (refused["factor"], refused["delivery"]) == ("sms", "none")
    assert (await ada.call("GET", "/verify-otp", token=ada.mfa_token)).json()["factor"] == "totp"
    assert (await ada.verify(ada.app_code())).status_code == 200


async def test_a061_a_thief_of_the_password_does_not_use_up_the_owners_day(world: World, plivo: PlivoStandIn) -> None:
    ada = await with_phone(world, plivo)
    await ada.login()
    await ada.verify(code(plivo))
    device = ada.device_token
    await use_up(world, ada)
    assert (await ada.login()).json()["challenge"]["delivery"] == "none"
    owner = (await ada.login(device_token=device)).json()["challenge"]
    assert owner["delivery"] == "accepted"
    assert (await ada.verify(code(plivo))).status_code == 200


async def test_whoever_answers_right_may_sign_in_all_day(world: World, plivo: PlivoStandIn) -> None:
    ada = await with_phone(world, plivo)
    for _ in range(15):
        assert (await ada.login()).json()["challenge"]["delivery"] == "accepted"
        assert (await ada.verify(code(plivo))).status_code == 200


async def test_an_enrolment_begins_without_a_code_and_gets_one_when_there_is_room(
    world: World, plivo: PlivoStandIn
) -> None:
    neighbours = [await world.signed_up() for _ in range(10)]
    for nth, bob in enumerate(neighbours):
        await bob.sign_in()
        bob.phone = f"+1202777{nth:04}"
        begun = await bob.begin_phone()
        assert begun.json()["challenge"]["delivery"] == "accepted"
        assert nth < 9 or (await bob.confirm(begun.json()["id"], code(plivo))).status_code == 200
    ada = await world.signed_up()
    await ada.sign_in()
    ada.phone = "+12027770123"
    begun = await ada.begin_phone()
    assert (begun.status_code, begun.json()["challenge"]["delivery"]) == (201, "none")
    assert len(plivo.requests) == 10
    world.clock.forward(timedelta(minutes=6))
    resent = await ada.call("POST", f"/me/factors/{begun.json()['id']}/resend")
    assert resent.json()["delivery"] == "accepted"
    assert (await ada.confirm(begun.json()["id"], code(plivo))).status_code == 200


async def test_a_step_up_says_so_too(world: World, plivo: PlivoStandIn) -> None:
    ada = await with_phone(world, plivo)
    told = []
    for pause in (30, 60, 120):
        told.append((await ada.call("POST", "/step-up/challenge", {"factor": "sms"})).json()["delivery"])
        world.clock.forward(timedelta(seconds=pause))
    assert told == ["accepted"] * 2 + ["none"]
    assert (await ada.step_up(ada.recovery_codes[0], "recovery_code")).status_code == 200


async def test_a_provider_that_turns_everybody_away_uses_nothing_of_a_number_up(
    world: World, plivo: PlivoStandIn
) -> None:
    ada = await with_phone(world, plivo)
    plivo.script(*[status(429)] * 12)
    for _ in range(12):
        assert (await ada.login()).json()["challenge"]["delivery"] == "failed"
    assert (await ada.login()).json()["challenge"]["delivery"] == "accepted"


async def test_what_a_provider_refuses_for_its_own_sake_was_a_try(world: World, plivo: PlivoStandIn) -> None:
    ada = await with_phone(world, plivo)
    plivo.script(*[status(400)] * 12)
    assert [(await ada.login()).json()["challenge"]["delivery"] for _ in range(3)] == ["failed", "failed", "none"]


async def test_what_was_sent_and_answered_is_remembered(
    world: World, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> None:
    ada = await with_phone(world, plivo)
    await ada.login()
    await ada.verify(ada.recovery_codes[0], factor="recovery_code")
    rows = await sweeper.fetch("SELECT * FROM sends ORDER BY created_at, purpose")
    assert [(row["purpose"], row["confirmed"], row["verified_at"] is None) for row in rows] == [
        ("confirm", False, False),
        ("sign_in", True, True),
    ]
    assert {(row["region"], row["price"], row["delivery"], row["sender"]) for row in rows} == {
        ("US", 10_000, "accepted", "plivo")
    }
    await sweeper.execute("DELETE FROM users")
    assert await sweeper.fetchval("SELECT count(*) FROM sends WHERE user_id IS NULL") == 2


async def test_a_number_of_somebody_else_was_answered_right_all_the_same(
    world: World, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> None:
    ada, bob = await with_phone(world, plivo), await world.signed_up()
    await bob.sign_in()
    bob.phone = ada.phone
    begun = await bob.begin_phone()
    assert (await bob.confirm(begun.json()["id"], code(plivo))).json()["code"] == "phone_in_use"
    assert await sweeper.fetchval("SELECT count(*) FROM sends WHERE verified_at IS NOT NULL") == 2


async def noted(sweeper: asyncpg.Connection) -> str | None:
    """What became of the notice, once anything has."""
    query = "SELECT delivery FROM sends WHERE purpose = 'notice' AND delivery <> 'unknown'"
    for _ in range(300):
        if told := await sweeper.fetchval(query):
            return str(told)
        await asyncio.sleep(0.01)
    return None


@pytest.mark.parametrize(("blocked", "delivery"), [(False, "accepted"), (True, "none")])
async def test_the_last_word_to_a_replaced_phone_passes_the_firewall_too(
    world: World, plivo: PlivoStandIn, sweeper: asyncpg.Connection, blocked: bool, delivery: str
) -> None:
    ada = await with_phone(world, plivo)
    old, ada.phone = ada.phone, "+447700900123"
    world.clock.forward(timedelta(seconds=30))
    begun = await ada.begin_phone()
    if blocked:
        vault = world.app.state.house.login.pending.states.vault
        await sweeper.execute(
            "INSERT INTO sms_blocks VALUES ($1, 'US', 'a test', NULL, now())", vault.index("US", of="sms block")
        )
    assert (await ada.confirm(begun.json()["id"], code(plivo))).status_code == 200
    assert await noted(sweeper) == delivery
    assert [request.body["dst"] for request in plivo.requests].count(old) == (1 if blocked else 2)
