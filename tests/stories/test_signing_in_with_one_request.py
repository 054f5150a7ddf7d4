"""One request: password and code together. No pending state is issued, and nobody without the password learns anything."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from tests.world import World


async def test_an_apps_code_beside_the_password(world: World) -> None:
    ada = await world.with_app()
    done = await ada.login(code=ada.app_code())
    assert done.json()["status"] == "authenticated"
    assert (await ada.call("GET", "/session")).json()["amr"] == ["pwd", "otp", "mfa"]


async def test_a_recovery_code_beside_the_password(world: World) -> None:
    ada = await world.with_phone()
    done = await ada.login(code=ada.recovery_codes[0])
    assert done.json()["status"] == "authenticated"
    assert (await ada.login(code=ada.recovery_codes[0])).json()["code"] == "invalid_mfa_code"


async def test_a_wrong_code_is_refused_and_counted(world: World) -> None:
    ada = await world.with_app()
    refused = await ada.login(code="000000")
    assert refused.status_code == 401
    assert refused.json()["code"] == "invalid_mfa_code"
    for _ in range(9):
        await ada.login(code="000000")
    locked = await ada.login(code=ada.app_code())
    assert locked.status_code == 429
    assert locked.json()["code"] == "mfa_locked"
    assert (await ada.login(code=ada.recovery_codes[0])).status_code == 200


async def test_a070_without_the_password_nobody_learns_that_there_is_a_factor(world: World) -> None:
    ada, bob = await world.with_app(), await world.signed_up()
    refusals = [
        await person.call(
            "POST", "/login", {"email": email, "password": "not the right password", "code": code}, token=""
        )
        for person, email, code in [
            (ada, ada.email, ada.app_code()),
            (ada, ada.email, "000000"),
            (bob, bob.email, "000000"),
            (bob, "nobody@example.test", "000000"),
        ]
    ]
    assert {refused.status_code for refused in refusals} == {401}
    assert len({refused.text for refused in refusals}) == 1


@pytest.mark.parametrize("kind", ["sms", "telepathy"])
async def test_a_factor_that_must_be_asked_first_is_refused_by_shape(world: World, kind: str) -> None:
    ada = await world.with_phone()
    for password in (ada.password, "not the right password"):
        refused = await ada.call(
            "POST", "/login", {"email": ada.email, "password": password, "code": "123456", "factor": kind}, token=""
        )
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "#/factor"


async def test_for_a_user_without_a_factor_the_code_says_nothing(world: World) -> None:
    ada = await world.signed_up()
    assert (await ada.login(code="123456")).json()["status"] == "authenticated"


async def test_a_code_for_a_factor_that_is_not_enrolled_is_a_wrong_code(world: World) -> None:
    ada = await world.with_phone()
    assert (await ada.login(code="123456")).json()["code"] == "invalid_mfa_code"


@pytest.mark.parametrize("more", [{"code": "123456"}, {"code": "123456", "factor": "totp"}])
async def test_and_it_is_counted_and_noted_as_one(
    world: World, sweeper: asyncpg.Connection, more: dict[str, str]
) -> None:
    """Whoever has a password cannot find out that it is right without leaving a trace."""
    ada = await world.with_phone()
    codes = [(await ada.login(**more)).json()["code"] for _ in range(11)]
    assert codes == ["invalid_mfa_code"] * 10 + ["mfa_locked"]
    assert await sweeper.fetchval("SELECT count(*) FROM audit_events WHERE event = 'challenge.code_refused'") == 10


async def test_a_right_answer_ends_that_count_too(world: World) -> None:
    """Of somebody whose browser fills in a code that nobody asked for, now and then."""
    ada = await world.with_phone()
    for _ in range(2):
        assert {(await ada.login(code="123456")).json()["code"] for _ in range(9)} == {"invalid_mfa_code"}
        world.clock.forward(timedelta(minutes=30))
        await ada.sign_in()


async def test_asking_for_a_factor_that_is_not_enrolled_is_noted(world: World, sweeper: asyncpg.Connection) -> None:
    ada = await world.with_phone()
    for kind in ("totp", "telepathy"):
        assert (await ada.login(factor=kind)).json()["code"] == "factor_not_enrolled"
    noted = await sweeper.fetch("SELECT facts FROM audit_events WHERE event = 'challenge.code_refused'")
    assert sorted(row["facts"] for row in noted) == ['{"factor": "totp"}', "{}"]


async def test_an_empty_code_is_none_of_either(world: World) -> None:
    ada = await world.with_app()
    refused = await ada.login(code="")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/code")


async def test_the_same_code_twice_at_once_opens_one_session(world: World) -> None:
    ada = await world.with_app()
    proof = {"email": ada.email, "password": ada.password, "code": ada.app_code()}
    answers = await asyncio.gather(*(ada.call("POST", "/login", proof, token="") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
