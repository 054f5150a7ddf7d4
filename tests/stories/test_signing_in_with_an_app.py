"""Signing in with an authenticator app."""

import asyncio
from datetime import timedelta

from tests.world import World


async def test_the_app_is_enrolled_asked_first_and_accepted(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = (await ada.call("POST", "/me/factors", {"factor": "totp", "label": "My tablet"})).json()
    assert begun["challenge"]["delivery"] == "none"
    assert ada.email.replace("@", "%40") in begun["setup"]["otpauth_uri"]
    assert begun["setup"]["qr_svg"].startswith("<svg")
    await ada.enrol_app()

    asked = (await ada.login()).json()
    assert asked["challenge"]["factor"] == "totp"
    assert [choice["kind"] for choice in asked["factors"]] == ["totp", "recovery_code"]
    assert (await ada.verify(ada.app_code())).status_code == 200
    session = (await ada.call("GET", "/session")).json()
    assert session["amr"] == ["pwd", "otp", "mfa"]
    assert session["acr"] == "urn:gatehouse:mfa"


async def test_a056_the_secret_is_shown_once_and_nowhere_else(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    begun = await ada.call("POST", "/me/factors", {"factor": "totp"})
    secret = begun.json()["setup"]["secret"]
    assert begun.headers["cache-control"] == "no-store"
    await ada.enrol_app()
    for method, path in (("GET", "/me"), ("GET", "/me/factors"), ("GET", "/session")):
        assert secret not in (await ada.call(method, path)).text
    assert secret not in str(world.app.openapi())


async def test_a053_an_unconfirmed_app_is_no_factor(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    await ada.call("POST", "/me/factors", {"factor": "totp"})
    assert (await ada.login()).json()["status"] == "authenticated"


async def test_a055_a_code_of_another_pending_secret_confirms_nothing(world: World) -> None:
    ada, eve = await world.signed_up(), await world.signed_up()
    await ada.sign_in()
    await eve.sign_in()
    ada_id = (await ada.call("POST", "/me/factors", {"factor": "totp"})).json()["id"]
    await eve.enrol_app()
    assert (await ada.confirm(ada_id, eve.app_code())).json()["code"] == "invalid_mfa_code"


async def test_a046_the_same_code_in_two_sign_ins_opens_one_session(world: World) -> None:
    """Across two parallel sign-ins and a step-up: a step is spent once, by compare-and-set."""
    ada = await world.with_app()
    await ada.login()
    first = ada.mfa_token
    await ada.login()
    second, code = ada.mfa_token, ada.app_code()
    answers = await asyncio.gather(
        ada.call("POST", "/verify-otp", {"code": code}, token=first),
        ada.call("POST", "/verify-otp", {"code": code}, token=second),
        ada.call("POST", "/step-up", {"factor": "totp", "code": code}),
        ada.call("POST", "/login", {"email": ada.email, "password": ada.password, "code": code}, token=""),
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 401, 401, 401]


async def test_a_code_that_was_used_is_refused_in_its_own_and_the_next_step(world: World) -> None:
    """N09."""
    ada = await world.with_app()
    code = ada.app_code()
    await ada.login()
    assert (await ada.verify(code)).status_code == 200
    for _ in range(2):
        await ada.login()
        assert (await ada.verify(code)).json()["code"] == "invalid_mfa_code"
        world.clock.forward(timedelta(seconds=30))


async def test_another_factor_can_be_chosen_and_shares_the_attempts(world: World) -> None:
    ada = await world.with_app()
    await ada.enrol_phone()
    await ada.login()
    assert (await ada.verify("000000")).json()["attempts_left"] == 4
    switched = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert switched.json()["attempts_left"] == 4
    assert switched.json()["factor"] == "sms"
    assert (await ada.verify(ada.wrong_code())).json()["attempts_left"] == 3
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_an_sms_code_is_no_apps_code(world: World) -> None:
    """A043: a code is good for the factor that asked for it."""
    ada = await world.with_app()
    await ada.enrol_phone()
    await ada.login(factor="sms")
    code = ada.code("sign_in")
    assert (await ada.verify(code, factor="totp")).json()["code"] == "invalid_mfa_code"
    assert (await ada.verify(code)).status_code == 200
