"""Whoever comes from elsewhere under `required`, or lost every factor, proves their mailbox before they enrol a first factor."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.flows.help_desk import HelpDesk
from app.settings import Settings
from tests.app import AuthenticatorApp
from tests.stories.test_users_from_elsewhere import SEED, bring
from tests.world import Person, World, running, settings_for

TOTP = {"factor": "totp"}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_for(database_url, tmp_path, mfa={"policy": "required"})


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    async with running(settings) as world:
        yield world


def desk(world: World) -> HelpDesk:
    house = world.app.state.house
    attempts = house.login.password_attempts
    return HelpDesk(house.database, world.clock, attempts.passwords, attempts.throttle, by="root")


async def told(email: str, words: str, *worlds: World) -> bool:
    """Whether a notice says so. Of two services on one database either may send it."""
    for _ in range(200):
        if any(words in entry.text for world in worlds for entry in world.inbox(email)):
            return True
        await asyncio.sleep(0.05)
    return False


async def asked(eve: Person) -> dict[str, Any]:
    """A sign-in that waits for the mailed code; its token is the person's."""
    told: dict[str, Any] = (await eve.login()).json()
    eve.access_token = told["enrollment_token"]
    return told


async def mailed(eve: Person, *, beyond: int = 0) -> str:
    return (await eve.world.message(eve.email, "enroll", beyond=beyond)).code or ""


async def begin(eve: Person, code: str | None, **more: Any) -> httpx.Response:
    return await eve.call("POST", "/me/factors", TOTP | more | ({"email_code": code} if code else {}))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def finish(eve: Person, begun: httpx.Response) -> httpx.Response:
    assert begun.status_code == 201, begun.text
    code = AuthenticatorApp(begun.json()["setup"]["secret"]).code(eve.world.clock.now())
    return await eve.confirm(begun.json()["id"], code)


async def test_the_code_from_the_mailbox_opens_the_enrolment_and_the_factor_the_session(world: World) -> None:
    eve = await bring(world)
    told = await asked(eve)
    assert told["status"] == "enrollment_required"
    assert told["email_code"] == {
        "destination": f"a•••@{eve.email.partition('@')[2]}",
        "delivery": "accepted",
        "resend_after": 30,
        "attempts_left": 5,
        "expires_in": 600,
    }
    assert (await eve.call("GET", "/me/factors")).json()["items"] == []
    done = await finish(eve, await begin(eve, await mailed(eve)))
    assert done.json()["status"] == "authenticated"
    assert "email_code" not in (await eve.login()).json()


async def test_without_it_nothing_is_enrolled(world: World) -> None:
    eve = await bring(world)
    await asked(eve)
    missing = await begin(eve, None)
    assert (missing.status_code, missing.json()["code"]) == (422, "validation_failed")
    assert missing.json()["errors"] == [{"pointer": "#/email_code", "detail": "Send the code that was mailed."}]
    assert (await begin(eve, "12345")).status_code == 422


async def test_five_wrong_codes_end_the_sign_in_and_the_right_one_comes_too_late(world: World) -> None:
    eve = await bring(world)
    await asked(eve)
    code = await mailed(eve)
    for left in (4, 3, 2, 1, 0):
        refused = await begin(eve, wrong(code))
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_mfa_code")
        assert refused.json()["attempts_left"] == left
    late = await begin(eve, code)
    assert (late.status_code, late.json()["code"]) == (429, "mfa_attempts_exhausted")
    again = await eve.call("POST", "/me/factors/email-code")
    assert again.json()["code"] == "mfa_attempts_exhausted"


async def test_the_code_is_good_at_any_sign_in_of_its_user_and_once(world: World) -> None:
    eve, bob = await bring(world), await bring(world)
    await asked(eve)
    code = await mailed(eve)
    again = await asked(eve)
    assert again["email_code"]["delivery"] == "none"
    await asked(bob)
    if code != await mailed(bob):
        assert (await begin(bob, code)).json()["code"] == "invalid_mfa_code"
    tries = await asyncio.gather(*(begin(eve, code) for _ in range(6)))
    assert {answer.status_code for answer in tries} <= {201, 401, 429}
    assert 201 in {answer.status_code for answer in tries}
    assert (await begin(eve, None)).status_code == 201, "the mailbox is proved for the rest of this sign-in"


async def test_another_code_replaces_the_one_before_and_not_too_soon(world: World) -> None:
    eve = await bring(world)
    await asked(eve)
    old = await mailed(eve)
    soon = await eve.call("POST", "/me/factors/email-code")
    assert (soon.status_code, soon.json()["code"]) == (429, "resend_too_soon")
    world.clock.forward(timedelta(seconds=61))
    again = await eve.call("POST", "/me/factors/email-code")
    assert (again.status_code, again.json()["delivery"], again.json()["resend_after"]) == (200, "accepted", 60)
    new = await mailed(eve, beyond=1)
    if old != new:
        assert (await begin(eve, old)).json()["code"] == "invalid_mfa_code"
    assert (await begin(eve, new)).status_code == 201


async def test_while_no_mail_can_be_taken_the_code_before_stays_good(world: World) -> None:
    eve = await bring(world)
    await asked(eve)
    code = await mailed(eve)
    world.clock.forward(timedelta(seconds=61))
    mails = world.app.state.house.mailbox.mails
    assert await mails.drain(within=timedelta(seconds=5))
    again = await eve.call("POST", "/me/factors/email-code")
    assert (again.status_code, again.json()["code"]) == (503, "overloaded")
    assert (await asked(eve))["email_code"] | {"expires_in": 0} == {
        "destination": f"{eve.email[:1]}•••@{eve.email.partition('@')[2]}",
        "delivery": "none",
        "resend_after": 0,
        "attempts_left": 5,
        "expires_in": 0,
    }
    assert (await begin(eve, code)).status_code == 201


async def test_the_route_for_another_code_is_for_sign_ins_that_wait_for_one(world: World) -> None:
    ada = await world.signed_up()
    await asked(ada)
    refused = await ada.call("POST", "/me/factors/email-code")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    await finish(ada, await begin(ada, None))
    refused = await ada.call("POST", "/me/factors/email-code")
    assert refused.json()["detail"] == "This route takes an enrolment token."


async def test_a_token_that_proved_nothing_neither_confirms_nor_resends_what_another_one_began(world: World) -> None:
    eve = await bring(world)
    await asked(eve)
    begun = await eve.call(
        "POST", "/me/factors", {"factor": "sms", "phone_number": eve.phone, "email_code": await mailed(eve)}
    )
    proved = eve.access_token
    await asked(eve)
    path = f"/me/factors/{begun.json()['id']}"
    for action, body in (("resend", None), ("confirm", {"code": eve.code("confirm")})):
        refused = await eve.call("POST", f"{path}/{action}", body)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token"), action
    eve.access_token = proved
    world.clock.forward(timedelta(seconds=31))
    assert (await eve.call("POST", f"{path}/resend")).status_code == 200


async def test_guessing_across_sign_ins_locks_and_then_expires_the_password(world: World, service: World) -> None:
    """Whoever guesses these codes has the password."""
    eve = await bring(world)
    for _ in range(2):
        await asked(eve)
        for _ in range(5):
            assert (await begin(eve, "000000")).json()["code"] == "invalid_mfa_code"
    await asked(eve)
    locked = await begin(eve, "000000")
    assert (locked.status_code, locked.json()["code"]) == (429, "mfa_locked")
    for _ in range(10):
        world.clock.forward(timedelta(hours=2))
        await asked(eve)
        await begin(eve, "000000")
        if (await eve.login()).status_code == 401:
            break
    assert (await eve.login()).json()["code"] == "invalid_credentials"
    assert await told(eve.email, "Too many wrong codes", world, service)


async def test_mails_to_an_address_are_limited_silently(settings: Settings) -> None:
    registration = settings.registration.model_copy(update={"mails": "1/hour"})
    async with running(settings.model_copy(update={"registration": registration})) as world:
        eve = await bring(world)
        assert (await asked(eve))["email_code"]["delivery"] == "accepted"
        world.clock.forward(timedelta(minutes=2))
        assert (await asked(eve))["email_code"]["delivery"] == "none"


@pytest.mark.parametrize("policy", ["optional", "required"])
async def test_whoever_lost_their_factors_enrols_a_new_one_with_the_mailbox(
    database_url: str, tmp_path: Path, policy: str, service: World
) -> None:
    async with running(settings_for(database_url, tmp_path, mfa={"policy": policy})) as world:
        eve = await bring(world, totp={"secret": SEED})
        await eve.login(code=AuthenticatorApp(SEED).code(world.clock.now()), remember_device=True)
        old = eve.access_token

        done = await desk(world).reset_factors(eve.email, reason="lost the phone")

        assert done.sessions_ended == 1
        await world.app.state.house.revocations.read()
        assert (await eve.call("GET", "/session", token=old)).status_code == 401
        assert (await asked(eve))["status"] == "enrollment_required"
        await world.app.state.house.revocations.read()
        assert (await finish(eve, await begin(eve, await mailed(eve)))).status_code == 200
        assert await told(eve.email, "were removed by those who run", world, service)
        assert (await eve.login()).json()["status"] == "mfa_required"


async def test_under_an_optional_policy_whoever_comes_from_elsewhere_just_signs_in(
    database_url: str, tmp_path: Path
) -> None:
    async with running(settings_for(database_url, tmp_path)) as world:
        assert (await (await bring(world)).login()).json()["status"] == "authenticated"
