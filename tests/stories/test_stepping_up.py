"""Stepping up: a fresh proof within a session, in one access token and nowhere else (RFC 9470)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.world import World

LATER = timedelta(minutes=6)


async def test_a_factor_makes_an_old_sign_in_fresh_for_one_token(world: World) -> None:
    ada = await world.with_app()
    world.clock.forward(LATER)
    assert (await ada.call("POST", "/me/recovery-codes")).json()["code"] == "step_up_required"
    old_token = ada.access_token

    assert (await ada.step_up(ada.app_code(), "totp")).status_code == 200

    assert (await ada.call("POST", "/me/recovery-codes")).status_code == 200
    assert (await ada.call("POST", "/me/recovery-codes", token=old_token)).status_code == 401
    ada.keep((await ada.refresh()).json())
    refreshed = await ada.call("POST", "/me/recovery-codes")
    assert refreshed.json()["code"] == "step_up_required"


async def test_the_token_of_before_proves_no_more_than_it_did_and_ends_when_it_would_have(world: World) -> None:
    """Decision 0017: it is not withdrawn; another program of the same session may be using it."""
    ada = await world.with_app()
    world.clock.forward(LATER)
    before = ada.access_token
    ada.keep((await ada.step_up(ada.app_code(), "totp")).json())
    assert ada.access_token != before
    old, new = [(await ada.call("GET", "/session", token=token)).json() for token in (before, ada.access_token)]
    assert (old["sid"], old["auth_time"] < new["auth_time"]) == (new["sid"], True)
    assert (await ada.call("DELETE", "/me/sessions", token=before)).json()["code"] == "step_up_required"
    world.clock.forward(timedelta(minutes=10) - LATER)
    assert (await ada.call("GET", "/session", token=before)).json()["code"] == "invalid_token"
    assert (await ada.call("GET", "/session")).status_code == 200
    await ada.call("POST", "/logout", {})
    assert (await ada.call("GET", "/session")).status_code == 401


async def test_the_token_says_when_and_how(world: World) -> None:
    ada = await world.with_phone()
    before = (await ada.call("GET", "/session")).json()
    world.clock.forward(LATER)
    await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    await ada.step_up(ada.code("step_up"), "sms")
    after = (await ada.call("GET", "/session")).json()
    assert after["sid"] == before["sid"]
    assert after["auth_time"] - before["auth_time"] == LATER.total_seconds()
    assert (after["acr"], after["amr"]) == ("urn:gatehouse:mfa", ["pwd", "sms", "mfa"])


async def test_the_password_is_enough_only_without_a_factor(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(LATER)
    assert (await ada.begin_phone()).json()["code"] == "step_up_required"
    wrong = await ada.call("POST", "/step-up", {"password": "not the right one"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_current_password")
    right = await ada.call("POST", "/step-up", {"password": ada.password})
    ada.keep(right.json())
    await ada.enrol_phone()
    refused = await ada.call("POST", "/step-up", {"password": ada.password})
    assert refused.json()["code"] == "step_up_required"


async def test_five_wrong_codes_end_it_and_asking_anew_refills_nothing(world: World) -> None:
    ada = await world.with_phone()
    asked = await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    assert asked.json()["attempts_left"] == 5
    left = [(await ada.step_up(ada.wrong_code(), "sms")).json()["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert (await ada.step_up(ada.code("step_up"), "sms")).json()["code"] == "mfa_attempts_exhausted"
    world.clock.forward(timedelta(seconds=31))
    again = await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    assert again.json()["code"] == "mfa_attempts_exhausted"
    world.clock.forward(timedelta(minutes=10))
    ada.keep((await ada.refresh()).json())
    assert (await ada.call("POST", "/step-up/challenge", {"factor": "sms"})).status_code == 200


async def test_a071_a_step_up_code_is_good_once_and_for_nobody_else(world: World) -> None:
    ada, eve = await world.with_phone(), await world.with_phone()
    await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    await eve.call("POST", "/step-up/challenge", {"factor": "sms"})
    code = ada.code("step_up")
    assert (await eve.step_up(code, "sms")).status_code == 401
    assert (await ada.step_up(code, "sms")).status_code == 200
    assert (await ada.step_up(code, "sms")).status_code == 401


async def test_a_step_up_code_completes_no_sign_in(world: World) -> None:
    ada = await world.with_phone()
    await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    code = ada.code("step_up")
    await ada.login()
    assert (await ada.verify(code)).status_code == 401


async def test_a_factor_that_is_not_enrolled_steps_nothing_up(world: World) -> None:
    ada = await world.with_phone()
    assert (await ada.step_up("123456", "totp")).json()["code"] == "factor_not_enrolled"
    asked = await ada.call("POST", "/step-up/challenge", {"factor": "totp"})
    assert asked.json()["code"] == "factor_not_enrolled"


WHICH = {"pointer": "#/factor", "detail": "Must be one of 'sms', 'totp', 'recovery_code'."}
SIX = {"pointer": "#/code", "detail": "Must be six digits."}
RECOVERY = {"pointer": "#/code", "detail": "Must be a recovery code: 26 letters and digits."}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"factor": "totp", "code": "12345"}, SIX),
        ({"factor": "sms", "code": "12345"}, SIX),
        ({"factor": "recovery_code", "code": "123456"}, RECOVERY),
        ({"code": "12345"}, SIX),
        ({"factor": "totp"}, {"pointer": "#/code", "detail": "This is required."}),
        ({"factor": "fax", "code": "123456"}, WHICH),
        ({}, WHICH),
        ({"password": ""}, {"pointer": "#/password", "detail": "Must not be empty."}),
    ],
    ids=str,
)
async def test_a_proof_that_has_not_its_form_is_told_as_what_it_was_meant_to_be(
    world: World, body: dict[str, Any], fault: dict[str, str]
) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    refused = await ada.call("POST", "/step-up", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert refused.json()["errors"] == [fault]
