"""Enrolling a phone: it counts once a code from it was given back, and then other sessions end."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.world import World


async def test_a_phone_counts_once_it_is_confirmed(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = await ada.begin_phone()
    assert begun.status_code == 201
    assert begun.json()["setup"] == {"factor": "sms", "destination": f"+1 ••• ••• {ada.phone[-4:]}"}
    assert (await ada.call("GET", "/me/factors")).json() == {
        "items": [],
        "enrollable": ["totp", "sms"],
        "recovery_codes_left": 0,
    }
    assert (await ada.login()).json()["status"] == "authenticated"

    done = await ada.confirm(begun.json()["id"], ada.code("confirm"))

    assert done.status_code == 200
    assert done.json()["factor"]["kind"] == "sms"
    assert (await ada.call("GET", "/session")).json()["acr"] == "urn:gatehouse:mfa"
    listed = (await ada.call("GET", "/me/factors")).json()["items"]
    assert [(factor["kind"], factor["default"], factor["usable"]) for factor in listed] == [("sms", True, True)]
    assert (await ada.login()).json()["status"] == "mfa_required"


async def test_confirming_ends_every_other_session_and_mails_the_owner(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    other_access, other_refresh = ada.access_token, ada.refresh_token
    await ada.sign_in()
    await ada.enrol_phone()

    assert (await ada.refresh(other_refresh)).json()["code"] == "invalid_refresh_token"
    await world.app.state.house.revocations.read()
    assert (await ada.call("GET", "/session", token=other_access)).status_code == 401
    assert (await ada.refresh()).status_code == 200
    assert "second factor" in (await world.message(ada.email, "notice")).text


async def test_a_pending_sign_in_of_before_is_worth_nothing_after_a_factor_change(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    pending, code = ada.mfa_token, ada.code("sign_in")
    world.clock.forward(timedelta(seconds=30))
    ada.phone = "+12025550199"
    await ada.enrol_phone()

    late = await ada.call("POST", "/verify-otp", {"code": code}, token=pending)
    assert late.status_code == 401
    assert late.json()["code"] == "invalid_token"


async def test_a_replacement_leaves_the_old_phone_working_until_it_is_confirmed(world: World) -> None:
    ada = await world.with_phone()
    old_phone, ada.phone = ada.phone, "+12025550177"
    begun = await ada.begin_phone()
    code = ada.code("confirm")
    world.clock.forward(timedelta(seconds=31))
    ada.phone = old_phone
    await ada.login()
    assert ada.codes("sign_in")

    ada.phone = "+12025550177"
    assert (await ada.confirm(begun.json()["id"], code)).status_code == 200

    asked = (await ada.login()).json()
    assert asked["factors"][0]["destination"].endswith("0177")
    factors = (await ada.call("GET", "/me/factors")).json()["items"]
    assert len(factors) == 1
    assert "new phone number" in (await world.message(ada.email, "notice", beyond=1)).text


async def test_five_wrong_codes_end_the_enrolment(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    factor_id = (await ada.begin_phone()).json()["id"]
    left = [(await ada.confirm(factor_id, ada.wrong_code())).json()["attempts_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    exhausted = await ada.confirm(factor_id, ada.code("confirm"))
    assert exhausted.json()["code"] == "mfa_attempts_exhausted"
    resent = await ada.call("POST", f"/me/factors/{factor_id}/resend")
    assert resent.json()["code"] == "mfa_attempts_exhausted"
    assert (await ada.login()).json()["status"] == "authenticated"


async def test_a_code_can_be_sent_again_but_not_at_once(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    factor_id = (await ada.begin_phone()).json()["id"]
    assert (await ada.call("POST", f"/me/factors/{factor_id}/resend")).json()["code"] == "resend_too_soon"
    world.clock.forward(timedelta(seconds=30))
    resent = await ada.call("POST", f"/me/factors/{factor_id}/resend")
    assert resent.json()["delivery"] == "accepted"
    old, new = ada.codes("confirm")[1], ada.codes("confirm")[0]
    if old != new:
        assert (await ada.confirm(factor_id, old)).status_code == 401
    assert (await ada.confirm(factor_id, new)).status_code == 200


async def test_an_unconfirmed_phone_is_gone_after_a_quarter_of_an_hour(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    factor_id = (await ada.begin_phone()).json()["id"]
    code = ada.code("confirm")
    world.clock.forward(timedelta(minutes=15))
    await ada.refresh_session()
    assert (await ada.confirm(factor_id, code)).json()["code"] == "factor_not_enrolled"
    assert (await ada.call("POST", f"/me/factors/{factor_id}/resend")).json()["code"] == "factor_not_enrolled"


async def test_nobody_confirms_the_factor_of_somebody_else(world: World) -> None:
    """A055, A115: an id that is not one's own is an id that is not there."""
    ada, eve = await world.signed_up(), await world.signed_up()
    await ada.sign_in()
    await eve.sign_in()
    factor_id = (await ada.begin_phone()).json()["id"]
    code = ada.code("confirm")
    assert (await eve.confirm(factor_id, code)).json()["code"] == "factor_not_enrolled"
    assert (await eve.call("POST", f"/me/factors/{factor_id}/resend")).json()["code"] == "factor_not_enrolled"
    assert (await eve.confirm(str(uuid4()), code)).json()["code"] == "factor_not_enrolled"
    assert (await ada.confirm(factor_id, code)).status_code == 200


async def test_a106_a_number_is_found_to_be_in_use_only_by_who_holds_it(world: World) -> None:
    """A106: possession is proved first, so nobody can ask whose number it is."""
    ada, bob = await world.with_phone(), await world.signed_up()
    await bob.sign_in()
    bob.phone = ada.phone
    begun = await bob.begin_phone()
    assert begun.status_code == 201
    refused = await bob.confirm(begun.json()["id"], bob.code("confirm"))
    assert refused.status_code == 409
    assert refused.json()["code"] == "phone_in_use"
    assert (await bob.login()).json()["status"] == "authenticated"


async def test_an_old_sign_in_may_not_enrol(world: World) -> None:
    """A052: a stolen access token of an old sign-in adds no factor."""
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(timedelta(minutes=5, seconds=1))
    refused = await ada.begin_phone()
    assert refused.status_code == 401
    assert refused.json()["code"] == "step_up_required"
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert "max_age=300" in challenge


@pytest.mark.parametrize(
    ("number", "status"),
    [("12025550123", 422), ("+1 202 555 0123", 422), ("+１2025550123", 422), ("+12025550123;ext=9", 422), ("+1", 422)],
)
async def test_a101_a_number_is_taken_in_one_spelling_only(world: World, number: str, status: int) -> None:
    """A101."""
    ada = await world.signed_up()
    await ada.sign_in()
    refused = await ada.call("POST", "/me/factors", {"factor": "sms", "phone_number": number})
    assert refused.status_code == status
    assert number not in refused.text


async def test_an_unknown_kind_of_factor_is_refused_by_shape(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    refused = await ada.call("POST", "/me/factors", {"factor": "telepathy"})
    assert refused.json()["code"] == "validation_failed"
    assert "telepathy" not in refused.text
