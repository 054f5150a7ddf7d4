"""A provider that hangs, fails or lies never blocks a sign-in, is never asked twice, and learns and leaks nothing (A166, A167)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from app.watch import logs
from tests.standins.http import hang, redirect
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, Behaviour, PlivoStandIn, late, raw, reset, status
from tests.world import Person, World, own_logging, running, settings_for


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


def _sms(plivo: PlivoStandIn, **more: Any) -> dict[str, Any]:
    credentials = {"plivo_auth_id": AUTH_ID, "plivo_auth_token": AUTH_TOKEN, "plivo_src": "+12025550100"}
    return {**credentials, "plivo_base_url": plivo.url, "answer_wait": 2, "deadline": 3.5, **more}


@pytest.fixture
def log() -> StringIO:
    """Everything that is logged."""
    return StringIO()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, plivo: PlivoStandIn, log: StringIO) -> AsyncIterator[World]:
    settings = settings_for(database_url, tmp_path, sms=_sms(plivo), logs={"level": "DEBUG"})
    async with running(settings) as world:
        with own_logging():
            logs.configure(settings.logs, json=True, stream=log)
            yield world


def code_on_the_phone(plivo: PlivoStandIn) -> str:
    """The code of the newest SMS that Plivo was given."""
    text: str = plivo.requests[-1].body["text"]
    return text[:6]


async def with_phone(world: World, plivo: PlivoStandIn) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = await ada.begin_phone()
    assert begun.json()["challenge"]["delivery"] == "accepted"
    assert (await ada.confirm(begun.json()["id"], code_on_the_phone(plivo))).status_code == 200
    return ada


ILL = [
    pytest.param(hang, "unknown", id="hangs"),
    pytest.param(status(400), "failed", id="400"),
    pytest.param(status(401), "failed", id="401"),
    pytest.param(status(403), "failed", id="403"),
    pytest.param(status(429), "failed", id="429"),
    pytest.param(status(500), "unknown", id="500"),
    pytest.param(status(503), "unknown", id="503"),
    pytest.param(reset, "unknown", id="reset"),
    pytest.param(raw(b"{broken"), "unknown", id="broken 202"),
    pytest.param(raw(b""), "unknown", id="empty 202"),
    pytest.param(raw(b"[]"), "unknown", id="202 with a list"),
    pytest.param(redirect("http://127.0.0.1:1/"), "unknown", id="redirect"),
]


@pytest.mark.parametrize(("behaviour", "delivery"), ILL)
async def test_a166_login_answers_and_says_how_the_sending_went(
    world: World, plivo: PlivoStandIn, log: StringIO, behaviour: Behaviour, delivery: str
) -> None:
    ada = await with_phone(world, plivo)
    plivo.script(behaviour)
    sent = len(plivo.requests)

    asked = await ada.login()

    assert asked.status_code == 200
    assert asked.json()["status"] == "mfa_required"
    assert asked.json()["challenge"]["delivery"] == delivery
    code = code_on_the_phone(plivo)
    assert (await ada.verify(code)).status_code == 200
    await asyncio.sleep(1.8 if behaviour is hang else 0)
    assert len(plivo.requests) == sent + 1
    logged = log.getvalue()
    assert "sign_in.completed" in logged
    for secret in (
        code,
        ada.phone,
        ada.phone[1:],
        AUTH_TOKEN,
        ada.password,
        ada.email,
        ada.mfa_token,
        ada.access_token,
    ):
        assert secret not in logged


@pytest.mark.parametrize("behaviour", [status(400), status(429)])
async def test_a166_what_was_surely_not_sent_is_said_and_may_be_asked_for_again_at_once(
    world: World, plivo: PlivoStandIn, behaviour: Behaviour
) -> None:
    ada = await with_phone(world, plivo)
    plivo.script(behaviour, behaviour)
    asked = (await ada.login()).json()["challenge"]
    assert (asked["delivery"], asked["resend_after"]) == ("failed", 0)

    by_name = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert by_name.status_code == 503
    assert by_name.json()["code"] == "sms_unavailable"

    again = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert again.json()["delivery"] == "accepted"
    assert again.json()["resend_after"] == 30
    assert (await ada.verify(code_on_the_phone(plivo))).status_code == 200


async def test_a167_a_slow_send_goes_on_and_the_challenge_shows_how_it_ended(world: World, plivo: PlivoStandIn) -> None:
    ada = await with_phone(world, plivo)
    plivo.script(late(2.5))
    assert (await ada.login()).json()["challenge"]["delivery"] == "unknown"

    await asyncio.sleep(0.9)
    seen = await ada.call("GET", "/verify-otp", token=ada.mfa_token)

    assert seen.json()["delivery"] == "accepted"
    assert seen.json()["resend_after"] == 30


async def test_a167_an_unknown_outcome_is_cooling_down_and_not_sent_again(world: World, plivo: PlivoStandIn) -> None:
    """A167: at most one further SMS, on request, and then the old code is worth nothing."""
    ada = await with_phone(world, plivo)
    plivo.script(status(503))
    assert (await ada.login()).json()["challenge"]["resend_after"] == 30
    old, sent = code_on_the_phone(plivo), len(plivo.requests)
    early = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert early.json()["code"] == "resend_too_soon"
    assert len(plivo.requests) == sent

    world.clock.forward(timedelta(seconds=30))
    await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert len(plivo.requests) == sent + 1
    if code_on_the_phone(plivo) != old:
        assert (await ada.verify(old)).status_code == 401
    assert (await ada.verify(code_on_the_phone(plivo))).status_code == 200


async def test_an_enrolment_whose_code_was_not_sent_says_so_and_leaves_nothing_behind(
    world: World, plivo: PlivoStandIn
) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    plivo.script(status(400))
    refused = await ada.begin_phone()
    assert refused.status_code == 503
    assert refused.json()["code"] == "sms_unavailable"
    assert (await ada.call("GET", "/me/factors")).json()["items"] == []
    assert (await ada.begin_phone()).status_code == 201


async def test_what_plivo_is_told(world: World, plivo: PlivoStandIn) -> None:
    await with_phone(world, plivo)
    told = plivo.requests[-1].body
    assert told["log"] == "false"
    assert told["message_expiry"] == 300
    assert told["text"].startswith(told["text"][:6])
    assert json.dumps(told).count("<") == 0


async def test_a166_login_waits_three_seconds_at_most(database_url: str, tmp_path: Path, plivo: PlivoStandIn) -> None:
    """With the defaults: an answer within four seconds, the deadline of the send at eight."""
    settings = settings_for(database_url, tmp_path, sms=_sms(plivo, answer_wait=3, deadline=8))
    async with running(settings) as world:
        ada = await with_phone(world, plivo)
        plivo.script(late(3.5))
        begun = time.monotonic()
        asked = await ada.login()
        assert time.monotonic() - begun < 4
        assert asked.json()["challenge"]["delivery"] == "unknown"
        assert (await ada.verify(code_on_the_phone(plivo))).status_code == 200


async def test_a166_codes_still_arrive_by_a_second_sender_while_plivo_is_ill(
    database_url: str, tmp_path: Path, plivo: PlivoStandIn
) -> None:
    with PlivoStandIn() as other:
        webhook = {"fallback_webhook_url": f"{other.url}/sms", "fallback_webhook_secret": "whsec_" + "A" * 32}
        async with running(settings_for(database_url, tmp_path, sms=_sms(plivo, **webhook))) as world:
            ada = await with_phone(world, plivo)
            plivo.always(status(401))
            sent = len(plivo.requests)
            assert (await ada.login()).json()["challenge"]["delivery"] == "accepted"
            assert len(plivo.requests) == sent + 1
            (taken,) = other.requests
            assert (await ada.verify(taken.body["data"]["text"][:6])).status_code == 200
