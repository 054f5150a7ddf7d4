"""A test number: its code is the one that the settings name, nothing is sent to it, and on its last day it becomes a number like any other."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from app.messages import Purpose
from app.watch import logs
from tests.standins.clock import ManualClock
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn
from tests.world import Person, World, own_logging, running, settings_for

NUMBER, CODE = "+12125550199", "428913"
LIFE = timedelta(days=30)
USED = "sms.test_number_used"


def sms(clock: ManualClock, **more: Any) -> dict[str, Any]:
    until = (clock.now() + LIFE).isoformat()
    return {"test_numbers": [{"number": NUMBER, "code": CODE, "until": until}], **more}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def log() -> StringIO:
    return StringIO()


@pytest.fixture
async def staging(database_url: str, tmp_path: Path, clock: ManualClock, log: StringIO) -> AsyncIterator[World]:
    settings = settings_for(database_url, tmp_path, sms=sms(clock), logs={"level": "INFO"})
    async with running(settings, clock=clock) as world:
        with own_logging():
            logs.configure(settings.logs, json=True, stream=log)
            yield world


async def reviewer(world: World) -> Person:
    """Somebody whose phone is the test number."""
    person = await world.signed_up()
    person.phone = NUMBER
    await person.sign_in()
    begun = await person.begin_phone()
    assert begun.status_code == 201, begun.text
    assert begun.json()["challenge"]["delivery"] == "accepted"
    assert (await person.confirm(begun.json()["id"], CODE)).status_code == 200
    return person


async def test_its_code_enrols_it_and_signs_in_and_no_message_is_sent(staging: World) -> None:
    person = await reviewer(staging)
    for _ in range(2):
        asked = (await person.login()).json()
        assert asked["challenge"]["delivery"] == "accepted"
        assert (await person.verify(CODE)).status_code == 200
    assert staging.inbox(NUMBER) == []


async def test_the_sender_is_not_called(
    database_url: str, tmp_path: Path, clock: ManualClock, plivo: PlivoStandIn
) -> None:
    account = {"plivo_auth_id": AUTH_ID, "plivo_auth_token": AUTH_TOKEN, "plivo_src": "+12025550100"}
    given = sms(clock, plivo_base_url=plivo.url, **account)
    async with running(settings_for(database_url, tmp_path, sms=given), clock=clock) as world:
        await reviewer(world)
        assert plivo.requests == []
        ada = await world.signed_up()
        await ada.sign_in()
        assert (await ada.begin_phone()).status_code == 201
        assert [request.body["dst"] for request in plivo.requests] == [ada.phone]


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


async def test_attempts_and_budgets_count_as_for_anybody(staging: World) -> None:
    person = await reviewer(staging)
    left = []
    await person.login()
    for _ in range(5):
        refused = await person.verify("000000")
        left.append(refused.json()["attempts_left"])
    assert left == [4, 3, 2, 1, 0]
    assert (await person.verify(CODE)).json()["code"] == "mfa_attempts_exhausted"
    staging.clock.forward(timedelta(minutes=5))
    await person.login()
    for _ in range(5):
        await person.verify("000000")
    staging.clock.forward(timedelta(minutes=5))
    await person.login()
    assert (await person.verify(CODE)).json()["code"] == "mfa_locked"


async def test_the_pause_between_codes_is_as_for_anybody(staging: World) -> None:
    person = await reviewer(staging)
    await person.login()
    again = await person.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=person.mfa_token)
    assert again.json()["code"] == "resend_too_soon"


async def test_a_code_is_good_once_and_for_a_question_only(staging: World) -> None:
    person = await reviewer(staging)
    await person.login()
    pending = person.mfa_token
    assert (await person.verify(CODE)).status_code == 200
    person.mfa_token = pending
    assert (await person.verify(CODE)).json()["code"] == "invalid_mfa_code"
    staging.clock.forward(timedelta(minutes=1))
    await person.login()
    staging.clock.forward(timedelta(minutes=5))
    assert (await person.verify(CODE)).json()["code"] == "invalid_mfa_code"


async def test_its_code_is_nobody_elses(staging: World) -> None:
    ada = await staging.signed_up()
    await ada.sign_in()
    begun = await ada.begin_phone()
    while ada.code("confirm") == CODE:
        staging.clock.forward(timedelta(minutes=5))
        begun = await ada.begin_phone()
    assert (await ada.confirm(begun.json()["id"], CODE)).json()["code"] == "invalid_mfa_code"


async def test_one_account_has_it_as_with_any_number(staging: World) -> None:
    await reviewer(staging)
    mallory = await staging.signed_up()
    mallory.phone = NUMBER
    await mallory.sign_in()
    begun = await mallory.begin_phone()
    assert (await mallory.confirm(begun.json()["id"], CODE)).json()["code"] == "phone_in_use"


async def test_from_its_end_on_it_is_a_number_like_any_other(staging: World) -> None:
    person = await reviewer(staging)
    staging.clock.forward(LIFE - timedelta(minutes=1))
    await person.login()
    staging.clock.forward(timedelta(minutes=1))
    assert (await person.verify(CODE)).json()["code"] == "invalid_mfa_code", "asked before the end, answered after it"

    await person.login()
    assert len(staging.inbox(NUMBER)) == 1
    if person.code("sign_in") != CODE:
        assert (await person.verify(CODE)).json()["code"] == "invalid_mfa_code"
    assert (await person.verify(person.code("sign_in"))).status_code == 200


async def test_each_use_is_an_event_that_names_no_whole_number_and_no_code(staging: World, log: StringIO) -> None:
    person = await reviewer(staging)
    await person.login()
    told = [line for line in log.getvalue().splitlines() if USED in line]
    assert len(told) == 2
    assert all('"ends_with"' in line and "0199" in line for line in told)
    assert [purpose in line for line, purpose in zip(told, (Purpose.CONFIRM, Purpose.SIGN_IN), strict=True)] == [
        True
    ] * 2
    assert NUMBER not in log.getvalue()
    assert CODE not in log.getvalue()
    ada = await staging.with_phone()
    assert ada.phone != NUMBER
    assert len([line for line in log.getvalue().splitlines() if USED in line]) == 2
