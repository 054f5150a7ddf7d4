"""Policy `required`: a sign-in without a factor opens the enrolment of the first one, and nothing else."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.app import AuthenticatorApp
from tests.world import World, running, settings_for

SINCE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with running(settings_for(database_url, tmp_path, mfa={"policy": "required"})) as world:
        yield world


async def test_the_first_factor_is_enrolled_and_opens_the_session(world: World) -> None:
    ada = await world.signed_up()
    asked = (await ada.login()).json()
    assert asked["status"] == "enrollment_required"
    assert asked["enrollable"] == ["totp", "sms"]
    token = asked["enrollment_token"]
    assert (await ada.call("GET", "/me/factors", token=token)).json()["items"] == []
    begun = (await ada.call("POST", "/me/factors", {"factor": "totp"}, token=token)).json()
    code = AuthenticatorApp(begun["setup"]["secret"]).code(world.clock.now())

    done = await ada.call("POST", f"/me/factors/{begun['id']}/confirm", {"code": code}, token=token)

    assert done.status_code == 200
    assert done.json()["status"] == "authenticated"
    assert len(done.json()["recovery_codes"]) == 10
    ada.keep(done.json())
    assert (await ada.call("GET", "/session")).json()["acr"] == "urn:gatehouse:mfa"
    assert (await ada.refresh()).status_code == 200
    assert (await ada.login()).json()["status"] == "mfa_required"


async def test_that_session_is_a_sign_in_as_any_other(world: World) -> None:
    ada = await world.signed_up()
    ada.access_token = (await ada.login()).json()["enrollment_token"]
    await ada.enrol_app()
    seen = (await ada.call("GET", "/me/security-events")).json()["items"]
    signed_in = next(event for event in seen if event["event"] == "sign_in.completed")
    assert signed_in["facts"] == {"acr": "urn:gatehouse:mfa"}
    assert (await ada.call("GET", "/me")).json()["last_login_at"] is not None


async def test_the_enrolment_token_is_good_for_one_first_factor(world: World) -> None:
    ada = await world.signed_up()
    first, second = [(await ada.login()).json()["enrollment_token"] for _ in range(2)]
    await ada.call("POST", "/me/factors", {"factor": "totp"}, token=first)
    begun = (await ada.call("POST", "/me/factors", {"factor": "totp"}, token=second)).json()
    code = AuthenticatorApp(begun["setup"]["secret"]).code(world.clock.now())
    path = f"/me/factors/{begun['id']}/confirm"
    assert (await ada.call("POST", path, {"code": code}, token=first)).status_code == 200
    for token in (first, second):
        again = await ada.call("POST", "/me/factors", {"factor": "totp"}, token=token)
        assert (again.status_code, again.json()["code"]) == (401, "invalid_token")


async def test_it_opens_nothing_else(world: World) -> None:
    ada = await world.signed_up()
    token = (await ada.login()).json()["enrollment_token"]
    for method, path in (("GET", "/me"), ("GET", "/session"), ("GET", "/verify-otp"), ("POST", "/me/recovery-codes")):
        refused = await ada.call(method, path, token=token)
        assert "enrolment token" in refused.json()["detail"]


async def test_a_phone_can_be_the_first_factor_too(world: World) -> None:
    ada = await world.signed_up()
    ada.access_token = (await ada.login()).json()["enrollment_token"]
    begun = await ada.begin_phone()
    early = await ada.call("POST", f"/me/factors/{begun.json()['id']}/resend")
    assert early.json()["code"] == "resend_too_soon"
    assert (await ada.confirm(begun.json()["id"], ada.code("confirm"))).json()["status"] == "authenticated"


async def test_the_last_factor_stays(world: World) -> None:
    ada = await world.signed_up()
    ada.access_token = (await ada.login()).json()["enrollment_token"]
    await ada.enrol_app()
    refused = await ada.call("DELETE", f"/me/factors/{await ada.factor_id('totp')}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last_factor")


async def test_it_is_dead_when_the_account_is_disabled_or_it_is_old(world: World) -> None:
    ada = await world.signed_up()
    token = (await ada.login()).json()["enrollment_token"]
    world.clock.forward(timedelta(minutes=10))
    assert (await ada.call("POST", "/me/factors", {"factor": "totp"}, token=token)).status_code == 401


async def test_passwords_may_be_shorter_while_a_factor_is_demanded(world: World) -> None:
    """NIST SP 800-63B-4 §3.1.1.2: eight characters only within MFA (N56)."""
    ada = world.person()
    ada.password = "eight ch"
    await ada.sign_up()
    assert (await ada.login()).status_code == 200


@pytest.mark.parametrize("zone", ["+00:00", ""], ids=["zone", "no-zone"])
async def test_users_from_before_have_a_grace(database_url: str, tmp_path: Path, zone: str) -> None:
    """A time without a zone is one in UTC."""
    since = (SINCE + timedelta(days=10)).replace(tzinfo=None).isoformat() + zone
    policy = {"policy": "required", "required_since": since, "grace": timedelta(days=30)}
    async with running(settings_for(database_url, tmp_path, mfa=policy)) as world:
        old = await world.signed_up()
        assert (await old.login()).json()["status"] == "authenticated"
        world.clock.forward(timedelta(days=20))
        new = await world.signed_up()
        assert (await new.login()).json()["status"] == "enrollment_required"
        assert (await old.login()).json()["status"] == "authenticated"
        world.clock.forward(timedelta(days=20))
        assert (await old.login()).json()["status"] == "enrollment_required"
