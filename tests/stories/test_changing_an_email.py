"""Another e-mail address: a fresh proof, a code from the new mailbox, and what ends with it."""

import asyncio
from datetime import timedelta

import pytest

from tests.emails import another, ask, code_at, confirm, move
from tests.resets import disable, forgot, reset
from tests.world import Person, World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def elsewhere(ada: Person) -> Person:
    other = Person(ada.world, email=ada.email, phone=ada.phone)
    await other.sign_in()
    return other


async def me(person: Person) -> dict[str, object]:
    shown: dict[str, object] = (await person.call("GET", "/me")).json()
    return shown


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_the_new_address_signs_in_and_the_old_one_does_not(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    asked = await ask(ada, new)
    assert asked.status_code == 202
    assert asked.json() == {"status": "verification_sent", "expires_in": 3600}
    assert (await me(ada))["pending_email"] == new
    assert (await me(ada))["email"] == ada.email

    done = await confirm(ada, await code_at(world, new))

    assert done.status_code == 204
    assert done.content == b""
    shown = await me(ada)
    assert (shown["email"], shown["pending_email"], shown["email_verified"]) == (new, None, True)
    assert (await ada.login()).json()["code"] == "invalid_credentials"
    ada.email = new
    assert (await ada.login()).json()["status"] == "authenticated"


async def test_it_wants_a_fresh_proof_with_the_factor_that_is_enrolled(world: World) -> None:
    """A052's cousin: a stolen session alone changes nothing."""
    ada, bob = await signed_in(world), await world.with_app()
    world.clock.forward(5 * MINUTE + timedelta(seconds=1))
    for person in (ada, bob):
        await person.refresh_session()
        assert (await ask(person, another(person))).json()["code"] == "step_up_required"
        assert (await me(person))["pending_email"] is None
    assert (await bob.step_up(bob.app_code(), "totp")).status_code == 200
    await move(bob)


async def test_a_session_without_the_factor_is_not_enough(world: World) -> None:
    ada = await world.with_app()
    await ada.login(remember_device=True)
    await ada.verify(ada.app_code(), factor="totp")
    assert (await ada.login(device_token=ada.device_token)).json()["status"] == "authenticated"
    assert (await ask(ada, another(ada))).json()["code"] == "step_up_required"


async def test_this_session_goes_on_and_every_other_ends_at_once(world: World) -> None:
    ada = await signed_in(world)
    other = await elsewhere(ada)
    await move(ada)
    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await ada.refresh()).status_code == 200
    assert (await other.call("GET", "/session")).json()["code"] == "invalid_token"
    assert (await other.refresh()).json()["code"] == "invalid_refresh_token"


async def test_sign_ins_under_way_mailed_links_and_remembered_devices_end(world: World) -> None:
    ada = await world.with_app()
    await ada.login(remember_device=True)
    await ada.verify(ada.app_code(), factor="totp")
    device, token = ada.device_token, await forgot(ada)
    await ada.login()
    pending = ada.mfa_token

    await move(ada)

    ada.mfa_token = pending
    assert (await ada.verify(ada.app_code(), factor="totp")).json()["code"] == "invalid_token"
    assert (await reset(ada, token)).json()["code"] == "invalid_reset_token"
    assert (await ada.login(device_token=device)).json()["status"] == "mfa_required"


async def test_a_wrong_code_is_refused_and_the_sixth_try_too_though_it_is_right(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    for _ in range(5):
        assert (await confirm(ada, wrong(code))).json()["code"] == "invalid_verification_code"
    refused = await confirm(ada, code)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_verification_code")
    assert (await me(ada))["email"] == ada.email


async def test_to_ask_again_mails_another_code_and_gives_no_attempt_back(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    old = await code_at(world, new)
    for _ in range(4):
        await confirm(ada, wrong(old))
    world.clock.forward(MINUTE)
    await ask(ada, new)
    code = await code_at(world, new, beyond=1)
    assert (await confirm(ada, old if old != code else wrong(code))).status_code == 400
    assert (await confirm(ada, code)).status_code == 400, "that was the fifth"


async def test_once_all_tries_are_used_up_it_can_be_begun_anew(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    for _ in range(5):
        await confirm(ada, wrong(code))
    world.clock.forward(MINUTE)
    await ask(ada, new)
    assert (await confirm(ada, await code_at(world, new, beyond=1))).status_code == 204


async def test_whoever_clicks_twice_gets_one_mail_and_its_code_stays_good(world: World) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    await ask(ada, new.upper())
    await asyncio.sleep(0.2)
    assert [entry.purpose for entry in world.inbox(new)] == ["verify_email"]
    assert (await confirm(ada, code)).status_code == 204


async def test_another_address_takes_the_place_of_the_one_before(world: World) -> None:
    ada = await signed_in(world)
    first, second = another(ada), another(ada)
    await ask(ada, first)
    code = await code_at(world, first)
    await ask(ada, second)
    assert (await me(ada))["pending_email"] == second
    newer = await code_at(world, second)
    assert (await confirm(ada, code if code != newer else wrong(code))).status_code == 400
    assert (await confirm(ada, newer)).status_code == 204
    assert (await me(ada))["email"] == second


@pytest.mark.parametrize(("late", "status"), [(timedelta(seconds=-1), 204), (timedelta(), 400)])
async def test_a_code_is_good_for_an_hour(world: World, late: timedelta, status: int) -> None:
    ada = await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    world.clock.forward(HOUR + late)
    await ada.refresh_session()
    assert (await confirm(ada, code)).status_code == status
    assert (await me(ada))["pending_email"] is None


async def test_a_user_has_only_so_many_mails_sent_to_whatever_addresses(world: World) -> None:
    ada = await signed_in(world)
    addresses = [another(ada) for _ in range(7)]
    for address in addresses:
        assert (await ask(ada, address)).status_code == 202
        await asyncio.sleep(0.05)
    await code_at(world, addresses[4])
    assert [len(world.inbox(address)) for address in addresses] == [1, 1, 1, 1, 1, 0, 0]
    assert (await confirm(ada, "000000")).status_code == 400, "no code is right that was never mailed"


async def test_what_waits_dies_when_the_password_changes_or_the_user_is_disabled(world: World) -> None:
    for change in (_reset, disable):
        ada = await signed_in(world)
        new = another(ada)
        await ask(ada, new)
        code = await code_at(world, new)
        await change(ada)
        refused = await confirm(ada, code)
        assert refused.json()["code"] in {"invalid_verification_code", "invalid_token"}
        assert world.inbox(ada.email)
        person = Person(world, email=new, password=ada.password)
        assert (await person.login()).json()["code"] == "invalid_credentials"


async def _reset(ada: Person) -> None:
    assert (await reset(ada, await forgot(ada))).status_code == 204
    await ada.sign_in()


async def test_a_registration_of_the_address_dies_with_the_change(world: World) -> None:
    """A091: whoever registered it before, with a password of their own, gets nothing."""
    ada, thief = await signed_in(world), world.person()
    thief.password = "the phrase of whoever came first"
    registration = await thief.register()
    code = await code_at(world, thief.email)
    await ask(ada, thief.email)
    newer = await code_at(world, thief.email, beyond=1)
    assert (await confirm(ada, newer)).status_code == 204
    body = {"registration_id": registration, "code": code}
    refused = await world.client.post("/verify-email", json=body)
    assert refused.json()["code"] == "invalid_verification_code"
    assert (await thief.login()).json()["code"] == "invalid_credentials"


async def test_nobody_else_sees_what_waits(world: World) -> None:
    ada, bob = await signed_in(world), await signed_in(world)
    new = another(ada)
    await ask(ada, new)
    code = await code_at(world, new)
    assert (await me(bob))["pending_email"] is None
    assert (await confirm(bob, code)).json()["code"] == "invalid_verification_code"
    assert (await me(bob))["email"] == bob.email
    assert (await confirm(ada, code)).status_code == 204


async def test_it_is_said_in_the_language_of_the_user(world: World) -> None:
    ada = world.person()
    body = {"email": ada.email, "password": ada.password, "locale": "de-AT"}
    registration = (await world.client.post("/register", json=body)).json()["registration_id"]
    code = await code_at(world, ada.email)
    await world.client.post("/verify-email", json={"registration_id": registration, "code": code})
    await ada.sign_in()
    old, new = ada.email, another(ada)
    await move(ada, new)
    assert "Adresse Ihres Kontos" in (await world.message(new, "verify_email")).text
    assert "innerhalb von 72 Stunden" in (await world.message(old, "notice")).text


@pytest.mark.parametrize("body", [{"email": "ada"}, {"email": "a@b.test", "code": "123456"}, {}])
async def test_what_is_no_address_is_refused_and_not_echoed(world: World, body: dict[str, str]) -> None:
    ada = await signed_in(world)
    refused = await ada.call("PUT", "/me/email", body)
    assert refused.status_code == 422
    assert "a@b" not in refused.text
