"""Managing one's own factors: the strongest one approves, every change is mailed and ends other sessions."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.world import Person, World


async def with_both(world: World) -> Person:
    """Somebody with a phone and an app; the session was proved with the app just now."""
    ada = await world.with_phone()
    await ada.enrol_app()
    return ada


async def test_they_are_listed_named_and_preferred(world: World) -> None:
    ada = await with_both(world)
    phone, app = await ada.factor_id("sms"), await ada.factor_id("totp")
    named = await ada.call("PATCH", f"/me/factors/{app}", {"label": "My tablet"})
    assert (named.json()["label"], named.json()["default"]) == ("My tablet", True)

    preferred = await ada.call("PATCH", f"/me/factors/{phone}", {"default": True})

    assert preferred.json()["default"] is True
    listed = (await ada.call("GET", "/me/factors")).json()["items"]
    assert [(item["kind"], item["default"]) for item in listed] == [("totp", False), ("sms", True)], (
        "the strongest first"
    )
    assert (await ada.login()).json()["challenge"]["factor"] == "sms"
    unnamed = await ada.call("PATCH", f"/me/factors/{app}", {"label": None})
    assert unnamed.json()["label"] is None


async def test_preferring_needs_a_fresh_proof_and_naming_does_not(world: World) -> None:
    ada = await with_both(world)
    phone = await ada.factor_id("sms")
    world.clock.forward(timedelta(minutes=6))
    assert (await ada.call("PATCH", f"/me/factors/{phone}", {"label": "Old one"})).status_code == 200
    refused = await ada.call("PATCH", f"/me/factors/{phone}", {"default": True})
    assert refused.json()["code"] == "step_up_required"


async def test_a_factor_is_removed_and_the_others_stay(world: World) -> None:
    ada = await with_both(world)
    removed = await ada.call("DELETE", f"/me/factors/{await ada.factor_id('sms')}")
    assert removed.status_code == 204
    listed = (await ada.call("GET", "/me/factors")).json()
    assert [item["kind"] for item in listed["items"]] == ["totp"]
    assert listed["recovery_codes_left"] == 10
    await world.message(ada.email, "notice", beyond=2)


async def test_removing_ends_other_sessions_and_keeps_this_one(world: World) -> None:
    ada = await with_both(world)
    await ada.login(code=ada.app_code())
    other_access, other_refresh = ada.access_token, ada.refresh_token
    await ada.login(code=ada.app_code())
    assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('sms')}")).status_code == 204
    await world.app.state.house.revocations.read()
    assert (await ada.call("GET", "/session", token=other_access)).status_code == 401
    assert (await ada.refresh(other_refresh)).status_code == 401
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await ada.refresh()).status_code == 200


async def test_with_the_last_factor_the_recovery_codes_go(world: World) -> None:
    ada = await world.with_app()
    assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('totp')}")).status_code == 204
    assert (await ada.call("GET", "/me/factors")).json()["recovery_codes_left"] == 0
    assert (await ada.login()).json()["status"] == "authenticated"


async def test_a059_a_weaker_factor_removes_and_adds_nothing(world: World) -> None:
    ada = await with_both(world)
    await ada.login(factor="sms")
    await ada.verify(ada.code("sign_in"))
    for method, path, body in (
        ("DELETE", f"/me/factors/{await ada.factor_id('totp')}", None),
        ("DELETE", f"/me/factors/{await ada.factor_id('sms')}", None),
        ("POST", "/me/factors", {"factor": "totp"}),
    ):
        refused = await ada.call(method, path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "stronger_factor_required")

    await ada.step_up(ada.recovery_codes[0], "recovery_code")
    assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('totp')}")).status_code == 204


async def test_a052_a_stolen_session_changes_nothing_after_five_minutes(world: World) -> None:
    ada = await with_both(world)
    world.clock.forward(timedelta(minutes=6))
    for method, path, body in (
        ("DELETE", f"/me/factors/{await ada.factor_id('totp')}", None),
        ("POST", "/me/factors", {"factor": "totp"}),
    ):
        assert (await ada.call(method, path, body)).json()["code"] == "step_up_required"


async def test_a104_the_old_phone_is_told_and_the_new_one_rests_for_a_day(world: World) -> None:
    ada = await world.with_phone()
    old = ada.phone
    ada.phone = "+12025550142"
    await ada.enrol_phone()
    assert (await world.message(old, "notice")).code is None
    await world.message(ada.email, "notice", beyond=1)

    await ada.call("POST", "/logout", {})
    await ada.sign_in()
    refused = await ada.call("POST", "/me/factors", {"factor": "totp"})
    assert refused.json()["code"] == "stronger_factor_required"

    world.clock.forward(timedelta(hours=24))
    await ada.sign_in()
    assert (await ada.call("POST", "/me/factors", {"factor": "totp"})).status_code == 201


@pytest.mark.parametrize("also_app", [True, False])
async def test_a104_a_phone_that_is_removed_is_told_and_an_app_is_not(world: World, *, also_app: bool) -> None:
    """Whoever took over the account does so without a word to the phone otherwise."""
    ada = await (with_both(world) if also_app else world.with_phone())
    assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('sms')}")).status_code == 204
    told = await world.message(ada.phone, "notice")
    assert (told.code, "no longer gets" in told.text) == (None, True)
    if also_app:
        assert (await ada.call("DELETE", f"/me/factors/{await ada.factor_id('totp')}")).status_code == 204
    assert len([entry for entry in world.inbox(ada.phone) if entry.purpose == "notice"]) == 1


async def test_a_code_to_the_old_number_is_worth_nothing_after_the_change(world: World) -> None:
    """A104."""
    ada = await world.with_phone()
    await ada.login()
    pending, code, old = ada.mfa_token, ada.code("sign_in"), ada.phone
    world.clock.forward(timedelta(seconds=31))
    ada.phone = "+12025550143"
    await ada.enrol_phone()
    assert old != ada.phone
    late = await ada.call("POST", "/verify-otp", {"code": code}, token=pending)
    assert late.status_code == 401


async def test_a115_other_peoples_factors_are_not_there(world: World) -> None:
    ada, eve = await with_both(world), await world.with_app()
    theirs = await ada.factor_id("totp")
    for factor_id in (theirs, str(uuid4())):
        assert (await eve.call("DELETE", f"/me/factors/{factor_id}")).status_code == 404
        assert (await eve.call("PATCH", f"/me/factors/{factor_id}", {"label": "x"})).status_code == 404
