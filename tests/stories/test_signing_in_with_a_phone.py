"""Signing in with a password and a code by SMS."""

from datetime import timedelta
from typing import Any

import pytest

from tests.world import World


async def test_the_whole_journey(world: World) -> None:
    ada = await world.signed_up()
    assert (await ada.login()).json()["status"] == "authenticated"
    await ada.enrol_phone()
    assert (await ada.call("POST", "/logout", {})).status_code == 204
    assert (await ada.call("GET", "/session")).status_code == 401

    asked = (await ada.login()).json()
    assert asked["status"] == "mfa_required"
    assert asked["expires_in"] == 600
    assert asked["factors"] == [
        {"kind": "sms", "destination": f"+1 ••• ••• {ada.phone[-4:]}", "remaining": None, "default": True},
        {"kind": "recovery_code", "destination": None, "remaining": 10, "default": False},
    ]
    assert asked["challenge"] == {
        "factor": "sms",
        "shown": {},
        "delivery": "accepted",
        "resend_after": 30,
        "attempts_left": 5,
        "expires_in": 300,
    }

    done = (await ada.verify(ada.code("sign_in"))).json()
    assert done["status"] == "authenticated"
    me = (await ada.call("GET", "/me")).json()
    assert me["email"] == ada.email
    assert me["mfa_enabled"] is True
    session = (await ada.call("GET", "/session")).json()
    assert session["amr"] == ["pwd", "sms", "mfa"]
    assert session["acr"] == "urn:gatehouse:mfa"
    assert session["sid"] == done["session_id"]

    renewed = await ada.refresh()
    ada.keep(renewed.json())
    assert (await ada.call("POST", "/logout", {"refresh_token": ada.refresh_token}, token="")).status_code == 204
    assert (await ada.call("GET", "/me")).status_code == 401


async def test_a_wrong_password_an_unknown_address_and_an_unverified_one_are_refused_alike(world: World) -> None:
    ada, unverified = await world.with_phone(), world.person()
    await unverified.register()
    refusals = [
        await ada.call("POST", "/login", {"email": ada.email, "password": "not the right one"}, token=""),
        await ada.call("POST", "/login", {"email": "nobody@example.test", "password": "whatever it is"}, token=""),
        await unverified.login(),
        await ada.call("POST", "/login", {"email": ada.email, "password": "wrong one", "factor": "totp"}, token=""),
    ]
    assert {refused.status_code for refused in refusals} == {401}
    assert len({refused.text for refused in refusals}) == 1
    assert {refused.headers["www-authenticate"] for refused in refusals} == {'Bearer realm="gatehouse"'}
    assert len({tuple(sorted(set(refused.headers) - {"x-request-id"})) for refused in refusals}) == 1


async def test_a034_five_wrong_codes_close_the_challenge(world: World) -> None:
    """A034: each answer is a 401, and still it counts."""
    ada = await world.with_phone()
    await ada.login()
    wrong, left = ada.wrong_code(), []
    for _ in range(5):
        refused = await ada.verify(wrong)
        assert refused.status_code == 401
        assert refused.json()["code"] == "invalid_mfa_code"
        left.append(refused.json()["attempts_left"])
    assert left == [4, 3, 2, 1, 0]

    right = await ada.verify(ada.code("sign_in"))

    assert right.status_code == 429
    assert right.json()["code"] == "mfa_attempts_exhausted"
    assert right.json()["detail"].startswith("Waiting does not help: sign in again")
    assert right.headers["retry-after"] == "5"
    asked = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert asked.json()["code"] == "mfa_attempts_exhausted"


async def test_a_code_is_good_once(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    code = ada.code("sign_in")
    assert (await ada.verify(code)).status_code == 200
    again = await ada.verify(code)
    assert again.status_code == 401
    assert again.json()["code"] == "invalid_mfa_code"


async def test_a044_an_expired_code_is_refused(world: World) -> None:
    """A044: good until five minutes have passed, and not a second longer."""
    ada = await world.with_phone()
    await ada.login()
    world.clock.forward(timedelta(seconds=299))
    early_enough = await ada.verify(ada.code("sign_in"))
    await ada.login()
    world.clock.forward(timedelta(seconds=300))
    late = await ada.verify(ada.code("sign_in"))
    assert (early_enough.status_code, late.status_code) == (200, 401)


async def test_a043_the_code_of_another_sign_in_is_refused(world: World) -> None:
    """A043, A023: a code is bound to the challenge that asked for it."""
    ada, bob = await world.with_phone(), await world.with_phone()
    await ada.login()
    await bob.login()
    crossed = await ada.verify(bob.code("sign_in"))
    assert crossed.status_code == 401
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_a041_a_new_code_replaces_the_old_one_and_refills_nothing(world: World) -> None:
    """A041: only the newest code is good; the attempts stay spent (N62)."""
    ada = await world.with_phone()
    await ada.login()
    old = ada.code("sign_in")
    await ada.verify(ada.wrong_code())
    world.clock.forward(timedelta(seconds=30))

    resent = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)

    assert resent.status_code == 200
    assert resent.json()["attempts_left"] == 4
    assert resent.json()["resend_after"] == 60
    new = ada.code("sign_in")
    if old != new:
        assert (await ada.verify(old)).json()["attempts_left"] == 3
    assert (await ada.verify(new)).status_code == 200


async def test_a061_each_further_code_waits_longer(world: World) -> None:
    """A061: 30, 60, 120, 300 … seconds, across sign-ins; a right answer clears it."""
    ada = await world.with_phone()
    await ada.login()
    for pause in (30, 60, 120, 300):
        early = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
        assert early.json()["code"] == "resend_too_soon"
        assert early.json()["retry_after"] == int(early.headers["retry-after"]) == pause
        world.clock.forward(timedelta(seconds=pause))
        if pause < 300:
            sent = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
            assert sent.status_code == 200
    await ada.login()
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200
    again = (await ada.login()).json()
    assert again["challenge"]["delivery"] == "accepted"
    assert again["challenge"]["resend_after"] == 30


async def test_a_second_sign_in_at_once_sends_nothing_and_says_so(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    sent = len(ada.codes("sign_in"))

    second = (await ada.login()).json()

    assert second["challenge"]["delivery"] == "none"
    assert second["challenge"]["resend_after"] == 30
    assert len(ada.codes("sign_in")) == sent
    refused = await ada.verify(ada.code("sign_in"))
    assert refused.status_code == 401


async def test_the_challenge_can_be_looked_at(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    world.clock.forward(timedelta(seconds=10))
    seen = await ada.call("GET", "/verify-otp", token=ada.mfa_token)
    assert seen.json() == {
        "factor": "sms",
        "shown": {},
        "delivery": "accepted",
        "resend_after": 20,
        "attempts_left": 5,
        "expires_in": 290,
    }
    await ada.verify(ada.code("sign_in"))
    over = await ada.call("GET", "/verify-otp", token=ada.mfa_token)
    assert over.json()["code"] == "invalid_token"


async def test_a025_a_sign_in_is_over_after_ten_minutes(world: World) -> None:
    """A025."""
    ada = await world.with_phone()
    await ada.login()
    world.clock.forward(timedelta(minutes=10))
    late = await ada.verify(ada.code("sign_in"))
    assert late.status_code == 401
    assert late.json()["code"] == "invalid_token"


async def test_a058_a_factor_that_is_not_enrolled_cannot_be_asked(world: World) -> None:
    """A058: the service decides what is asked; after the password only."""
    ada = await world.with_phone()
    named = await ada.login(factor="totp")
    assert named.json()["code"] == "factor_not_enrolled"
    await ada.login()
    asked = await ada.call("POST", "/verify-otp/challenge", {"factor": "totp"}, token=ada.mfa_token)
    assert asked.json()["code"] == "factor_not_enrolled"


@pytest.mark.parametrize("named", ["SMS", "Totp", "sms ", "", "none", "passkey", "email", 0, True, ["sms"], {}])
async def test_a058_a_factor_is_named_exactly_or_refused_and_never_left_out(world: World, named: Any) -> None:
    ada = await world.with_phone()
    refused = await ada.login(factor=named)
    assert refused.status_code in {404, 422}, refused.text
    assert (await ada.login(factor=None)).json()["status"] == "mfa_required", "the service decides"
    assert (await ada.verify(ada.code("sign_in"), factor=named)).status_code in {404, 422}


async def test_a050_digits_of_other_scripts_are_no_code(world: World) -> None:
    """A050: refused by shape, before an attempt is spent; no 500."""
    ada = await world.with_phone()
    await ada.login()
    arabic, full_width = "\u0661\u0662\u0663\u0664\u0665\u0666", "\uff11\uff12\uff13\uff14\uff15\uff16"
    for code in (arabic, full_width, "12345\u2076", "12345", "1234567", " 12345", "123456\n", "-12345"):
        refused = await ada.verify(code)
        assert refused.status_code == 422, code
        assert code not in refused.text
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200
