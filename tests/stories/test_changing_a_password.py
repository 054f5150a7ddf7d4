"""Changing a password while signed in: what it needs, what ends with it, and what goes on."""

import asyncio
import unicodedata
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from app.store.tables import users
from tests.passwords import change, stored_hash
from tests.resets import NEW, disable, forgot, reset
from tests.world import PASSWORD, Person, World, running, settings_for

MINUTE = timedelta(minutes=1)


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def elsewhere(ada: Person) -> Person:
    """The same person, signed in on another device too."""
    other = Person(ada.world, email=ada.email, phone=ada.phone)
    await other.sign_in()
    return other


async def test_the_new_password_signs_in_and_the_old_one_does_not(world: World) -> None:
    ada = await signed_in(world)
    done = await change(ada)
    assert done.status_code == 204
    assert done.content == b""
    assert (await ada.login()).json()["status"] == "authenticated"
    ada.password = PASSWORD
    assert (await ada.login()).json()["code"] == "invalid_credentials"


async def test_this_session_goes_on_and_every_other_ends_at_once(world: World) -> None:
    ada = await signed_in(world)
    other, another = await elsewhere(ada), await elsewhere(ada)

    assert (await change(ada)).status_code == 204

    assert (await ada.call("GET", "/session")).status_code == 200
    assert (await ada.refresh()).status_code == 200
    for ended in (other, another):
        assert (await ended.call("GET", "/session")).json()["code"] == "invalid_token"
        assert (await ended.refresh()).json()["code"] == "invalid_refresh_token"


async def test_a_sign_in_that_waits_for_its_code_ends(world: World) -> None:
    ada = await world.with_app()
    await ada.login(factor="totp")
    pending = ada.mfa_token
    await ada.step_up(ada.app_code(), "totp")
    assert (await change(ada)).status_code == 204
    ada.mfa_token = pending
    late = await ada.verify(ada.app_code(), factor="totp")
    assert late.json()["code"] == "invalid_token"


async def test_mailed_links_end(world: World) -> None:
    ada = await signed_in(world)
    token = await forgot(ada)
    assert (await change(ada)).status_code == 204
    assert (await reset(ada, token, "a third and unrelated phrase")).json()["code"] == "invalid_reset_token"


async def test_remembered_devices_end(world: World) -> None:
    ada = await world.with_app()
    await ada.login(remember_device=True)
    assert (await ada.verify(ada.app_code(), factor="totp")).json()["device_trust"] == "trusted"
    device = ada.device_token
    assert (await change(ada)).status_code == 204
    assert (await ada.login(device_token=device)).json()["status"] == "mfa_required"


async def test_second_factors_stay(world: World) -> None:
    ada = await world.with_app()
    assert (await change(ada)).status_code == 204
    assert (await ada.login()).json()["status"] == "mfa_required"
    assert (await ada.verify(ada.app_code(), factor="totp")).status_code == 200
    await ada.login()
    assert (await ada.verify(ada.recovery_codes[0], factor="recovery_code")).status_code == 200


async def test_the_owner_is_told(world: World) -> None:
    ada = await signed_in(world)
    await change(ada)
    told = await world.message(ada.email, "notice")
    assert "password of your Gatehouse account was changed" in told.text
    assert told.code is None


async def test_an_old_proof_is_not_enough(world: World) -> None:
    ada = await signed_in(world)
    world.clock.forward(5 * MINUTE + timedelta(seconds=1))
    refused = await change(ada)
    assert (refused.status_code, refused.json()["code"]) == (401, "step_up_required")
    assert "insufficient_user_authentication" in refused.headers["www-authenticate"]

    proved = await ada.call("POST", "/step-up", {"password": PASSWORD})
    ada.keep(proved.json())
    assert (await change(ada)).status_code == 204


async def test_with_a_factor_enrolled_a_proof_without_one_is_not_enough(world: World) -> None:
    ada = await signed_in(world)
    before = ada.access_token
    await ada.enrol_phone()
    assert (await change(ada, token=before)).json()["code"] == "step_up_required"
    assert (await change(ada)).status_code == 204


async def test_a086_a_wrong_current_password_changes_nothing(world: World) -> None:
    ada = await signed_in(world)
    before = await stored_hash(ada)
    for wrong in ("not the right one at all", PASSWORD.upper(), PASSWORD + " ", NEW):
        refused = await change(ada, current=wrong)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_current_password")
    assert await stored_hash(ada) == before
    assert (await ada.login()).status_code == 200


async def test_a086_wrong_current_passwords_count_as_guesses_at_sign_in_do(world: World) -> None:
    ada = await signed_in(world)
    for _ in range(5):
        assert (await change(ada, current="not the right one at all")).json()["code"] == "wrong_current_password"
    refused = await change(ada)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    world.clock.forward(timedelta(seconds=int(refused.headers["retry-after"])))
    assert (await change(ada)).status_code == 204


@pytest.mark.parametrize("body", [{"new_password": NEW}, {"current_password": "", "new_password": NEW}, {}])
async def test_a086_the_current_password_cannot_be_left_out(world: World, body: dict[str, str]) -> None:
    ada = await signed_in(world)
    refused = await ada.call("PUT", "/me/password", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")


async def test_a086_no_other_kind_of_token_changes_a_password(world: World) -> None:
    ada = await world.with_phone()
    link = await forgot(ada)
    await ada.login()
    for token in (ada.mfa_token, link, ada.refresh_token, ada.device_token, ""):
        refused = await change(ada, token=token)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


async def test_a086_a_stolen_token_alone_never_suffices(world: World) -> None:
    """V6.2.3: a new password without the old one, however fresh the session."""
    ada = await world.with_app()
    assert (await change(ada, current=NEW)).json()["code"] == "wrong_current_password"


@pytest.mark.parametrize(
    ("password", "code", "reason"),
    [
        ("hunter2", "password_too_short", "15"),
        ("x" * 300, "password_too_long", "256"),
        ("aAaAaAaAaAaAaAaAaAaA", "password_blocklisted", "common"),
        ("Password Password", "password_blocklisted", "common"),
        ("QWERTY123456789", "password_blocklisted", "common"),
        (PASSWORD, "password_unchanged", ""),
    ],
)
async def test_a085_a_weak_password_is_refused_with_the_reason(
    world: World, password: str, code: str, reason: str
) -> None:
    ada = await signed_in(world)
    refused = await change(ada, password)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert reason in refused.json().get("detail", "")
    assert (await ada.login()).status_code == 200


async def test_a085_the_address_itself_is_no_password(world: World) -> None:
    ada = await signed_in(world)
    refused = await change(ada, ada.email.upper())
    assert refused.json()["code"] == "password_blocklisted"
    assert "e-mail" in refused.json()["detail"]


async def test_a079_both_spellings_of_an_accent_are_one_password(world: World) -> None:
    """V6.2.8: NFC is the only thing that is done to a password; look-alikes are others."""
    ada = await signed_in(world)
    composed = unicodedata.normalize("NFC", "élève naïf à Besançon \U0001f40e")
    decomposed = unicodedata.normalize("NFD", composed)
    assert (await change(ada, decomposed)).status_code == 204
    assert (await change(ada, composed)).json()["code"] == "password_unchanged"
    for spelling, status in ((composed, 200), (decomposed, 200), (composed.replace("v", "\uff56"), 401)):
        ada.password = spelling
        assert (await ada.login()).status_code == status
    surrogate = b'{"current_password":"x","new_password":"\\ud800 is half of a character"}'
    headers = {"Authorization": f"Bearer {ada.access_token}", "Content-Type": "application/json"}
    halved = await world.client.put("/me/password", content=surrogate, headers=headers)
    assert (halved.status_code, halved.json()["code"]) == (400, "malformed_request")


async def test_of_two_changes_at_once_one_wins_and_the_other_is_told(world: World) -> None:
    ada = await signed_in(world)
    phrases = [f"{NEW}, number {n}" for n in range(4)]
    answers = await asyncio.gather(*(change(Person(**vars(ada)), phrase) for phrase in phrases))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [204] + [403] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 403} == {"wrong_current_password"}
    ada.password = phrases[statuses.index(204)]
    assert (await ada.login()).status_code == 200
    bystander = await signed_in(world)
    await change(bystander)
    await world.message(bystander.email, "notice")
    assert sum(entry.purpose == "notice" for entry in world.inbox(ada.email)) == 1


async def test_a_factor_that_changes_in_the_same_moment_wins(world: World) -> None:
    ada = await signed_in(world)
    before = await stored_hash(ada)
    async with world.app.state.house.database.begin() as tx:
        renew = update(users).where(users.c.email == ada.email)
        await tx.execute(renew.values(credential_version=users.c.credential_version + 1))
        changing = asyncio.create_task(change(ada))
        await asyncio.sleep(0.3)  # it has read, proved and hashed, and waits for the row
        assert not changing.done()
    refused = await changing
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert "changed" in refused.json()["detail"]
    assert await stored_hash(ada) == before


async def test_somebody_disabled_meanwhile_changes_nothing(world: World) -> None:
    ada = await signed_in(world)
    before = await stored_hash(ada)
    await disable(ada)
    assert (await change(ada)).json()["code"] == "invalid_token"
    assert await stored_hash(ada) == before


async def expired(world: World) -> Person:
    """Somebody whose codes were guessed at until their password proved nothing more; their session went on."""
    ada = await world.with_app()
    thief = Person(world, email=ada.email)
    for number in range(10):
        if number % 5 == 0:
            await thief.login(factor="totp")
        assert (await thief.verify("000000", factor="totp")).json()["code"] == "invalid_mfa_code"
    return ada


async def test_a_password_that_expired_is_reset_by_mail_and_not_changed(database_url: str, tmp_path: Path) -> None:
    """Who guessed codes has it: it proves nothing, here neither."""
    async with running(settings_for(database_url, tmp_path, mfa={"password_expires_at": 10, "lock_at": 50})) as world:
        ada = await expired(world)
        refused = await change(ada)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_current_password")
        assert "expired" in refused.json()["detail"]
        assert (await reset(ada, await forgot(ada))).status_code == 204


async def test_failures_that_counted_against_the_old_password_do_not_expire_the_new_one(
    database_url: str, tmp_path: Path
) -> None:
    async with running(settings_for(database_url, tmp_path, mfa={"password_expires_at": 10, "lock_at": 50})) as world:
        ada = await world.with_app()
        thief = Person(world, email=ada.email)
        for number in range(9):
            if number % 5 == 0:
                await thief.login(factor="totp")
            await thief.verify("000000", factor="totp")
        assert (await change(ada)).status_code == 204
        await ada.login(factor="totp")
        assert (await ada.verify("000000", factor="totp")).json()["code"] == "invalid_mfa_code"
        assert (await ada.login()).json()["status"] == "mfa_required"
