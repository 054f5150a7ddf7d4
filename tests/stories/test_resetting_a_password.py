"""Resetting a password: what its owner sees, what ends with it, and what it never touches."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.resets import disable, forgot, reset
from tests.world import World, running, settings_for

MINUTE = timedelta(minutes=1)


async def settled(world: World) -> None:
    """Everything that was asked for until now has been mailed, or never will be."""
    await world.app.state.house.reset.background.drain(within=timedelta(seconds=5))
    bystander = await world.signed_up()
    await forgot(bystander)


async def test_a_link_from_the_mailbox_gives_a_new_password(world: World) -> None:
    ada = await world.signed_up()
    token = await forgot(ada)
    old = ada.password

    done = await reset(ada, token)

    assert done.status_code == 204
    assert done.content == b""
    assert "set-cookie" not in done.headers
    assert (await ada.login()).json()["status"] == "authenticated"
    ada.password = old
    assert (await ada.login()).json()["code"] == "invalid_credentials"


async def test_the_link_leads_to_our_page_with_the_token_in_its_fragment(world: World) -> None:
    ada = await world.signed_up()
    token = await forgot(ada)
    entry = await world.message(ada.email, "reset")
    assert f"\nhttp://127.0.0.1:8000/reset#token={token}\n" in entry.text
    assert len(token) == 43


async def test_the_page_is_the_one_that_is_configured(database_url: str, tmp_path: Path) -> None:
    page = "https://app.example.com/new-password?from=mail"
    async with running(settings_for(database_url, tmp_path, email={"reset_url": page})) as world:
        ada = await world.signed_up()
        token = await forgot(ada)
        text = (await world.message(ada.email, "reset")).text
        link = urlsplit(next(word for word in text.split() if word.startswith("http")))
        assert link._replace(fragment="").geturl() == page
        assert parse_qs(link.fragment) == {"token": [token]}


async def test_every_spelling_of_the_address_is_understood_and_the_mail_goes_to_the_owners(world: World) -> None:
    ada = await world.signed_up()
    await world.client.post("/password/forgot", json={"email": ada.email.upper()})
    assert (await world.message(ada.email, "reset")).to == ada.email


async def test_the_mail_speaks_the_owners_language(world: World) -> None:
    ada = world.person()
    begun = await ada.call(
        "POST", "/register", {"email": ada.email, "password": ada.password, "locale": "de-AT"}, token=""
    )
    code = (await world.message(ada.email, "verify_email")).code
    await ada.call("POST", "/verify-email", {"registration_id": begun.json()["registration_id"], "code": code})
    await forgot(ada)
    assert "zurücksetzen" in (await world.message(ada.email, "reset")).text


async def test_every_session_ends(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    elsewhere, refresh_elsewhere = ada.access_token, ada.refresh_token
    await ada.sign_in()

    assert (await reset(ada, await forgot(ada))).status_code == 204

    assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"
    assert (await ada.refresh(refresh_elsewhere)).json()["code"] == "invalid_refresh_token"
    await asyncio.sleep(0.6)  # two polls of the revocation feed
    for token in (ada.access_token, elsewhere):
        assert (await ada.call("GET", "/session", token=token)).json()["code"] == "invalid_token"


async def test_a_sign_in_that_waits_for_its_code_ends(world: World) -> None:
    ada = await world.with_app()
    await ada.login(factor="totp")
    assert (await reset(ada, await forgot(ada))).status_code == 204
    late = await ada.verify(ada.app_code(), factor="totp")
    assert late.json()["code"] == "invalid_token"


async def test_the_second_factor_stays_and_is_asked_for(world: World) -> None:
    """V6.4.3: a mailbox alone never signs in."""
    ada = await world.with_app()
    assert (await reset(ada, await forgot(ada))).status_code == 204
    asked = (await ada.login()).json()
    assert asked["status"] == "mfa_required"
    assert {choice["kind"] for choice in asked["factors"]} == {"totp", "recovery_code"}
    assert (await ada.verify(ada.app_code())).status_code == 200
    await ada.login()
    assert (await ada.verify(ada.recovery_codes[0], factor="recovery_code")).status_code == 200


async def test_the_owner_is_told(world: World) -> None:
    ada = await world.signed_up()
    await reset(ada, await forgot(ada))
    told = await world.message(ada.email, "notice")
    assert "password of your Gatehouse account was changed" in told.text
    assert told.code is None


@pytest.mark.parametrize(
    ("password", "code"),
    [("hunter2", "password_too_short"), ("x" * 300, "password_too_long"), ("a" * 20, "password_blocklisted")],
)
async def test_a_password_that_is_refused_does_not_use_the_link_up(world: World, password: str, code: str) -> None:
    ada = await world.signed_up()
    token = await forgot(ada)
    refused = await reset(ada, token, password)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await ada.login()).status_code == 200
    assert (await reset(ada, token)).status_code == 204


async def test_a_password_that_did_not_expire_may_be_set_again(world: World) -> None:
    ada = await world.signed_up()
    assert (await reset(ada, await forgot(ada), ada.password)).status_code == 204
    assert (await ada.login()).json()["status"] == "authenticated"


async def test_the_address_itself_is_no_password(world: World) -> None:
    ada = await world.signed_up()
    refused = await reset(ada, await forgot(ada), ada.email.upper())
    assert refused.json()["code"] == "password_blocklisted"


async def test_a_new_link_leaves_the_old_one_good_until_one_is_used(world: World) -> None:
    ada = await world.signed_up()
    first = await forgot(ada)
    world.clock.forward(2 * MINUTE)
    second = await forgot(ada)
    assert first != second

    assert (await reset(ada, first)).status_code == 204
    for used_or_dead in (first, second):
        refused = await reset(ada, used_or_dead, "yet another long phrase")
        assert refused.status_code == 400
        assert refused.json()["code"] == "invalid_reset_token"
    assert (await ada.login()).status_code == 200


async def test_a_link_is_good_for_an_hour(world: World) -> None:
    ada = await world.signed_up()
    token = await forgot(ada)
    world.clock.forward(60 * MINUTE)
    assert (await reset(ada, token)).json()["code"] == "invalid_reset_token"
    token = await forgot(ada)
    world.clock.forward(59 * MINUTE)
    assert (await reset(ada, token)).status_code == 204


async def test_a_link_ends_with_the_credentials_it_was_made_for(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    token = await forgot(ada)
    await ada.enrol_phone()
    assert (await reset(ada, token)).json()["code"] == "invalid_reset_token"


async def test_a_link_of_somebody_who_was_disabled_is_dead(world: World) -> None:
    """V7.4.2."""
    ada = await world.signed_up()
    token = await forgot(ada)
    await disable(ada)
    assert (await reset(ada, token)).json()["code"] == "invalid_reset_token"


async def test_more_mails_than_the_limit_are_dropped_without_a_word(world: World) -> None:
    ada = await world.signed_up()
    await forgot(ada)
    again = await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    assert again.status_code == 202
    await settled(world)
    assert sum(entry.purpose == "reset" for entry in world.inbox(ada.email)) == 1
    world.clock.forward(MINUTE)
    await forgot(ada)


async def test_nobody_without_an_account_that_may_sign_in_gets_a_mail(world: World) -> None:
    unknown, unverified, disabled = world.person(), world.person(), await world.signed_up()
    await unverified.register()
    await disable(disabled)
    for person in (unknown, unverified, disabled):
        answer = await person.call("POST", "/password/forgot", {"email": person.email}, token="")
        assert answer.status_code == 202
    await settled(world)
    for person in (unknown, unverified, disabled):
        assert not [entry for entry in world.inbox(person.email) if entry.purpose == "reset"]


async def test_a_password_that_expired_is_reset_to_another_one_and_counts_anew(
    database_url: str, tmp_path: Path
) -> None:
    """Who guessed codes had the password: it must not come back, and their guesses must not expire the next one."""
    settings = settings_for(database_url, tmp_path, mfa={"password_expires_at": 10})
    async with running(settings) as world:
        ada = await world.with_app()
        for number in range(10):
            if number % 5 == 0:
                await ada.login(factor="totp")
            assert (await ada.verify("000000", factor="totp")).json()["code"] == "invalid_mfa_code"
        assert (await ada.login()).json()["code"] == "invalid_credentials"

        token = await forgot(ada)
        same = await reset(ada, token, ada.password)
        assert (same.status_code, same.json()["code"]) == (422, "password_unchanged")
        assert (await reset(ada, token)).status_code == 204

        assert (await ada.login()).json()["status"] == "mfa_required"
        assert (await ada.verify("000000", factor="totp")).json()["code"] == "mfa_locked", "factors stay as they were"
        world.clock.forward(10 * MINUTE)
        await ada.login(factor="totp")
        assert (await ada.verify("000000", factor="totp")).json()["code"] == "invalid_mfa_code"
        assert (await ada.login()).json()["status"] == "mfa_required", "one wrong code expires nothing"


def settings(**given: Any) -> Settings:
    return Settings(**{"environment": "development", **given})


@pytest.mark.parametrize(
    "page",
    [
        "javascript:alert(1)",
        "app.example.com/reset",
        "https://",
        "https:///reset",
        "https://app.example.com/reset#here",
        "https://app.example.com/re set",
        "https://app.example.com/\nreset",
    ],
)
def test_a_page_that_cannot_be_linked_to_stops_the_start(page: str) -> None:
    """V1.2.2."""
    with pytest.raises(ValidationError, match="GATEHOUSE_EMAIL__RESET_URL"):
        settings(email={"reset_url": page})


def test_the_page_is_https_in_production() -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_EMAIL__RESET_URL must be https"):
        settings(environment="production", email={"reset_url": "http://app.example.com/reset"})


@pytest.mark.parametrize("life", [{"reset_life": "PT61M"}, {"reset_life": 0}])
def test_a_link_never_lives_longer_than_an_hour(life: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="reset_life"):
        settings(passwords=life)
