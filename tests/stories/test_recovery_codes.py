"""Recovery codes: what is left when the phone is gone."""

import asyncio

from tests.world import World


async def test_they_come_with_the_first_factor_and_only_then(world: World) -> None:
    ada = await world.with_app()
    first = ada.recovery_codes
    assert len(set(first)) == 10
    await ada.enrol_phone()
    assert ada.recovery_codes is first
    assert (await ada.call("GET", "/me/factors")).json()["recovery_codes_left"] == 10


async def test_one_signs_in_is_counted_and_its_owner_is_told(world: World) -> None:
    ada = await world.with_phone()
    await ada.login()
    used = await ada.verify(ada.recovery_codes[0].lower(), factor="recovery_code")
    assert used.status_code == 200
    assert (await ada.call("GET", "/session")).json()["amr"] == ["pwd", "rc", "mfa"]
    assert "9" in (await world.message(ada.email, "notice", beyond=1)).text
    asked = (await ada.login()).json()
    assert asked["factors"][-1] == {
        "kind": "recovery_code",
        "destination": None,
        "remaining": 9,
        "default": False,
    }


async def test_once_it_was_asked_for_it_needs_no_name(world: World) -> None:
    """`factor` defaults to the one that was asked; while that is another one, a recovery code is a wrong code."""
    ada = await world.with_phone()
    await ada.login()
    unnamed = await ada.verify(ada.recovery_codes[0])
    assert (unnamed.status_code, unnamed.json()["code"]) == (401, "invalid_mfa_code")
    await ada.call("POST", "/verify-otp/challenge", {"factor": "recovery_code"}, token=ada.mfa_token)
    assert (await ada.verify(ada.recovery_codes[0])).status_code == 200


async def test_a064_each_is_good_once_under_a_race(world: World) -> None:
    ada = await world.with_app()
    tokens = []
    for _ in range(4):
        await ada.login()
        tokens.append(ada.mfa_token)
    proof = {"factor": "recovery_code", "code": ada.recovery_codes[3]}
    answers = await asyncio.gather(*(ada.call("POST", "/verify-otp", proof, token=token) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a067_renewed_codes_make_the_old_ones_void(world: World) -> None:
    ada = await world.with_app()
    old = ada.recovery_codes
    renewed = await ada.call("POST", "/me/recovery-codes")
    assert renewed.status_code == 200
    assert not set(renewed.json()["recovery_codes"]) & set(old)
    await ada.login()
    assert (await ada.verify(old[0], factor="recovery_code")).status_code == 401
    new = renewed.json()["recovery_codes"][0]
    assert (await ada.verify(new, factor="recovery_code")).status_code == 200


async def test_renewing_needs_a_fresh_proof_and_a_factor(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    assert (await ada.call("POST", "/me/recovery-codes")).json()["code"] == "factor_not_enrolled"
    with_password_only = ada.access_token
    await ada.enrol_app()
    refused = await ada.call("POST", "/me/recovery-codes", token=with_password_only)
    assert refused.json()["code"] == "step_up_required"


async def test_the_last_one_used_leaves_the_sign_in_waiting(world: World) -> None:
    """Law 10: no codes left is not "no factor"."""
    ada = await world.with_app()
    for code in ada.recovery_codes:
        await ada.login()
        assert (await ada.verify(code, factor="recovery_code")).status_code == 200
    asked = (await ada.login()).json()
    assert asked["status"] == "mfa_required"
    assert asked["factors"][-1]["remaining"] == 0
