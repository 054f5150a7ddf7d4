"""An account's budget of wrong answers: across sign-ins, step-ups and confirmations, and never a weapon against its owner."""

from datetime import timedelta

from tests.world import Person, World

MINUTE = timedelta(minutes=1)


async def guess(person: Person, times: int) -> list[str]:
    """Wrong codes of the app, in as many sign-ins as it takes: the problem codes."""
    codes = []
    for number in range(times):
        if number % 4 == 0:
            await person.login(factor="totp")
        codes.append((await person.verify("000000", factor="totp")).json()["code"])
    return codes


async def test_a037_ten_wrong_answers_lock_the_factor_whatever_sign_in_they_belong_to(world: World) -> None:
    """N05, A037."""
    ada = await world.with_app()
    assert await guess(ada, 12) == ["invalid_mfa_code"] * 10 + ["mfa_locked"] * 2
    await ada.login()
    locked = await ada.verify(ada.app_code())
    assert locked.status_code == 429
    assert 500 < locked.json()["retry_after"] <= 600
    world.clock.forward(10 * MINUTE)
    await ada.login()
    assert (await ada.verify(ada.app_code())).status_code == 200


async def test_the_locks_grow(world: World) -> None:
    ada = await world.with_app()
    await guess(ada, 10)
    for waited, lock in ((10, 15), (15, None)):
        world.clock.forward(waited * MINUTE)
        answers = await guess(ada, 6)
        assert answers[:5] == ["invalid_mfa_code"] * 5
        if lock:
            assert answers[5] == "mfa_locked"


async def test_a_right_answer_ends_the_row(world: World) -> None:
    ada = await world.with_app()
    await guess(ada, 9)
    await ada.login()
    assert (await ada.verify(ada.app_code())).status_code == 200
    world.clock.forward(60 * MINUTE)
    assert await guess(ada, 9) == ["invalid_mfa_code"] * 9


async def test_the_lock_of_one_factor_never_locks_another(world: World) -> None:
    ada = await world.with_app()
    await ada.enrol_phone()
    await guess(ada, 10)
    await ada.login(factor="sms")
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200
    await ada.login()
    assert (await ada.verify(ada.recovery_codes[0], factor="recovery_code")).status_code == 200


async def test_a_locked_factor_takes_no_attempt_of_the_sign_in(world: World) -> None:
    ada = await world.with_app()
    await guess(ada, 10)
    await ada.login()
    for _ in range(6):
        assert (await ada.verify("000000")).json()["code"] == "mfa_locked"
    assert (await ada.verify(ada.recovery_codes[0], factor="recovery_code")).status_code == 200


async def test_for_a_locked_factor_no_code_is_sent_and_nobody_pays_for_one(world: World) -> None:
    ada = await world.with_phone()
    for number in range(10):
        if number % 4 == 0:
            world.clock.forward(timedelta(hours=2))
            await ada.login()
        assert (await ada.verify(ada.wrong_code())).json()["code"] == "invalid_mfa_code"
    sent = len(ada.codes("sign_in"))
    world.clock.forward(5 * MINUTE)
    asked = (await ada.login()).json()["challenge"]
    assert (asked["factor"], asked["delivery"]) == ("sms", "none")
    assert 290 <= asked["resend_after"] <= 300
    again = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert (again.status_code, again.json()["code"]) == (429, "mfa_locked")
    assert len(ada.codes("sign_in")) == sent
    world.clock.forward(5 * MINUTE)
    await ada.login()
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_a_locked_factor_is_not_no_factor(world: World) -> None:
    """Law 10."""
    ada = await world.with_app()
    await guess(ada, 10)
    assert (await ada.login()).json()["status"] == "mfa_required"


async def test_step_ups_count_too(world: World) -> None:
    ada = await world.with_app()
    for _ in range(5):
        assert (await ada.step_up("000000", "totp")).json()["code"] == "invalid_mfa_code"
    assert await guess(ada, 6) == ["invalid_mfa_code"] * 5 + ["mfa_locked"]


async def test_confirmations_have_a_count_of_their_own_across_enrolments(world: World) -> None:
    """A factor that is stopped can be bound anew; guessing at a new one is bounded all the same."""
    ada = await world.with_app()
    codes = []
    for _ in range(3):
        begun = (await ada.call("POST", "/me/factors", {"factor": "totp"})).json()
        codes += [(await ada.confirm(begun["id"], "000000")).json()["code"] for _ in range(4)]
    assert codes == ["invalid_mfa_code"] * 10 + ["mfa_locked"] * 2
    await ada.login()
    assert (await ada.verify(ada.app_code())).status_code == 200


async def test_twenty_in_a_row_expire_the_password_and_tell_the_owner(world: World) -> None:
    """Whoever got there knew the password: it proves nothing any more; sessions that stand go on."""
    ada = await world.with_app()
    await ada.enrol_phone()
    refresh_token = ada.refresh_token
    await guess(ada, 10)
    for number in range(10):
        if number % 4 == 0:
            world.clock.forward(timedelta(hours=2))
            await ada.login(factor="sms")
        assert (await ada.verify(ada.wrong_code(), factor="sms")).json()["code"] == "invalid_mfa_code"

    assert (await ada.verify(ada.code("sign_in"), factor="sms")).status_code in {401, 429}
    assert (await ada.login()).json()["code"] == "invalid_credentials"
    assert (await ada.refresh(refresh_token)).status_code == 200
    await world.message(ada.email, "notice", beyond=2)
