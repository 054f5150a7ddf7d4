"""Devices: every sign-in leaves a token that marks its device as known; a remembered one skips the second factor for a while."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ring import elsewhere
from tests.world import PASSWORD, Person, World, running, settings_for

OTHER = "another horse battery staple"


async def trusted(world: World) -> Person:
    """Somebody whose device is trusted: they proved their app on it and asked for that."""
    ada = await world.with_app()
    await ada.login(remember_device=True)
    done = await ada.verify(ada.app_code(), factor="totp")
    assert done.json()["device_trust"] == "trusted"
    return ada


async def again(ada: Person, **more: Any) -> dict[str, Any]:
    answer = await ada.login(device_token=ada.device_token, **more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_every_authenticated_answer_carries_a_device_token(world: World) -> None:
    ada = await world.signed_up()
    by_password = (await ada.login()).json()
    assert by_password["device_token"].startswith("ghd_")
    assert by_password["device_trust"] == "known"
    refreshed = (await ada.refresh()).json()
    assert (refreshed["device_token"], refreshed["device_trust"]) == (by_password["device_token"], "known")
    await ada.enrol_phone()
    await ada.login()
    by_code = (await ada.verify(ada.code("sign_in"))).json()
    assert by_code["device_token"] not in {"", by_password["device_token"]}


async def test_a_known_device_stays_one_device(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    first = ada.device_token
    await again(ada)
    assert ada.device_token == first
    assert len((await ada.call("GET", "/me/devices")).json()["items"]) == 1
    await ada.sign_in()
    assert len((await ada.call("GET", "/me/devices")).json()["items"]) == 2


async def test_a_known_device_still_proves_the_second_factor(world: World) -> None:
    ada = await world.with_app()
    await ada.login()
    await ada.verify(ada.app_code(), factor="totp")
    assert (await again(ada))["status"] == "mfa_required"


async def test_a_trusted_device_skips_the_second_factor_and_the_session_says_so(world: World) -> None:
    ada = await trusted(world)
    told = await again(ada)
    assert (told["status"], told["device_trust"]) == ("authenticated", "trusted")
    claims = (await ada.call("GET", "/session")).json()
    assert (claims["acr"], claims["amr"]) == ("urn:gatehouse:pwd", ["pwd"])
    refused = await ada.call("POST", "/me/recovery-codes")
    assert refused.json()["code"] == "step_up_required"


async def test_trust_never_replaces_the_password(world: World) -> None:
    ada = await trusted(world)
    ada.password = OTHER
    assert (await ada.login(device_token=ada.device_token)).json()["code"] == "invalid_credentials"


async def test_trust_ends_after_thirty_days_and_is_not_prolonged_by_being_used(world: World) -> None:
    ada = await trusted(world)
    world.clock.forward(timedelta(days=20))
    assert (await again(ada, remember_device=True))["status"] == "authenticated"
    world.clock.forward(timedelta(days=10))
    assert (await again(ada))["status"] == "mfa_required"


async def test_a_trusted_device_may_still_ask_for_a_factor(world: World) -> None:
    ada = await trusted(world)
    assert (await again(ada, factor="totp"))["status"] == "mfa_required"
    assert (await again(ada, code=ada.app_code()))["status"] == "authenticated"
    assert (await ada.call("GET", "/session")).json()["acr"] == "urn:gatehouse:mfa"


async def test_remembering_takes_a_proof(world: World) -> None:
    """Without a second factor there is nothing to skip; one that comes later is asked for."""
    ada = await world.signed_up()
    assert (await ada.login(remember_device=True)).json()["device_trust"] == "known"
    await ada.enrol_app()
    assert (await again(ada))["status"] == "mfa_required"


async def test_one_request_may_remember_the_device(world: World) -> None:
    ada = await world.with_app()
    told = (await ada.login(code=ada.app_code(), remember_device=True)).json()
    assert told["device_trust"] == "trusted"
    assert (await again(ada))["status"] == "authenticated"


async def test_a_device_token_of_another_user_is_no_device(world: World) -> None:
    ada, eve = await trusted(world), await world.with_app()
    eve.device_token = ada.device_token
    assert (await again(eve))["status"] == "mfa_required"


@pytest.mark.parametrize("token", ["x", "ghd_" + "A" * 43, "ghd_", "\u00e9" * 256])
async def test_a_token_that_is_none_is_ignored(world: World, token: str) -> None:
    ada = await world.signed_up()
    assert (await ada.login(device_token=token)).json()["status"] == "authenticated"
    assert ada.device_token != token


async def test_a_change_of_factors_ends_every_trust(world: World) -> None:
    ada = await trusted(world)
    token = ada.device_token
    await ada.enrol_phone()
    assert (await ada.login(device_token=token)).json()["status"] == "mfa_required"
    assert (await ada.call("GET", "/me/devices")).json()["items"] == []


async def test_a_session_that_outlives_its_device_gets_another_one(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    first = ada.device_token
    await ada.enrol_app()
    await ada.refresh_session()
    assert ada.device_token != first
    (device,) = (await ada.call("GET", "/me/devices")).json()["items"]
    assert (device["current"], device["device_trust"]) == (True, "known")
    second = ada.device_token
    await ada.refresh_session()
    assert ada.device_token == second


async def test_a_reset_password_ends_every_trust(world: World) -> None:
    ada = await trusted(world)
    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    link = (await world.message(ada.email, "reset")).code
    assert (await ada.call("POST", "/password/reset", {"token": link, "password": OTHER}, token="")).status_code == 204
    ada.password = OTHER
    assert (await again(ada))["status"] == "mfa_required"


async def test_forgetting_a_device_signs_out_whoever_sits_at_it(world: World) -> None:
    ada = await trusted(world)
    lost, lost_token = ada.access_token, ada.device_token
    await ada.login(code=ada.app_code())
    (device_id,) = (
        item["id"] for item in (await ada.call("GET", "/me/devices")).json()["items"] if not item["current"]
    )
    assert (await ada.call("DELETE", f"/me/devices/{device_id}")).status_code == 204
    assert (await ada.call("GET", "/session", token=lost)).status_code == 401
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await ada.login(device_token=lost_token)).json()["status"] == "mfa_required"
    assert (await ada.call("DELETE", f"/me/devices/{device_id}")).json()["code"] == "not_found"


async def test_forgetting_the_own_device_keeps_the_own_session(world: World) -> None:
    ada = await trusted(world)
    (device,) = [item for item in (await ada.call("GET", "/me/devices")).json()["items"] if item["current"]]
    assert device["device_trust"] == "trusted"
    assert device["trusted_until"]
    assert (await ada.call("DELETE", f"/me/devices/{device['id']}")).status_code == 204
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await again(ada))["status"] == "mfa_required"


async def test_a115_nobody_forgets_a_device_of_another_user(world: World) -> None:
    ada, eve = await trusted(world), await world.signed_up()
    await eve.sign_in()
    for item in (await ada.call("GET", "/me/devices")).json()["items"]:
        assert (await eve.call("DELETE", f"/me/devices/{item['id']}")).json()["code"] == "not_found"
    assert (await again(ada))["status"] == "authenticated"


async def test_a_password_thief_cannot_hold_up_a_known_devices_codes(world: World) -> None:
    """The pause between codes has a lane of its own for known devices."""
    ada = await world.with_phone()
    await ada.login()
    await ada.verify(ada.code("sign_in"))
    home = ada.device_token
    thief = Person(world, email=ada.email, phone=ada.phone, password=PASSWORD)
    for _ in range(3):
        await thief.login()
    assert (await thief.login()).json()["challenge"]["delivery"] == "none"
    told = (await ada.login(device_token=home)).json()
    assert told["challenge"]["delivery"] == "accepted"
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_an_operator_may_trust_no_device(database_url: str, tmp_path: Path) -> None:
    """Also those that were trusted before."""
    async with running(settings_for(database_url, tmp_path)) as world:
        ada = await trusted(world)
    async with running(settings_for(database_url, tmp_path, devices={"trust": False})) as world:
        away = elsewhere(ada, world)
        told = (await away.login(device_token=ada.device_token)).json()
        assert told["status"] == "mfa_required"
        world.clock.forward(timedelta(minutes=5))
        assert ada.app
        await away.verify(ada.app.code(world.clock.now()), factor="totp")
        (device,) = (await away.call("GET", "/me/devices")).json()["items"]
        assert (device["device_trust"], device["trusted_until"]) == ("known", None)


async def test_the_device_unused_the_longest_makes_room(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path, devices={"max_known": 2})) as world:
        ada = await world.signed_up()
        tokens = []
        for _ in range(3):
            world.clock.forward(timedelta(seconds=1))
            await ada.sign_in()
            tokens.append(ada.device_token)
        assert len((await ada.call("GET", "/me/devices")).json()["items"]) == 2
        assert (await again_with(ada, tokens[1]), await again_with(ada, tokens[0])) == (True, False)


async def again_with(ada: Person, token: str) -> bool:
    """Whether the device is known still."""
    return bool((await ada.login(device_token=token)).json()["device_token"] == token)
