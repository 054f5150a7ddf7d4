"""What attackers' reviews found, so that it stays found."""

import asyncio
from datetime import timedelta

from sqlalchemy import update

from app.flows.notices import tell
from app.store import budgets
from app.store import users as people
from app.store.tables import budgets as budget_rows
from app.store.tables import challenges, users
from tests.world import NOWHERE, World


async def test_sms_alone_never_makes_the_recovery_codes_that_approve_everything(world: World) -> None:
    ada = await world.with_app()
    await ada.enrol_phone()
    await ada.login(factor="sms")
    await ada.verify(ada.code("sign_in"))
    refused = await ada.call("POST", "/me/recovery-codes")
    assert (refused.status_code, refused.json()["code"]) == (403, "stronger_factor_required")


async def test_a_step_up_of_before_a_change_is_no_trap_after_it(world: World) -> None:
    ada = await world.with_app()
    await ada.call("POST", "/step-up/challenge", {"factor": "totp"})
    await ada.enrol_phone()
    assert (await ada.step_up(ada.app_code(), "totp")).status_code == 200


async def test_a_stopped_factor_can_be_bound_anew(world: World) -> None:
    ada = await world.with_phone()
    await ada.step_up(ada.recovery_codes[0], "recovery_code")
    await ada.login(factor="sms")
    async with world.app.state.house.database.begin() as tx:
        locks = budgets.Locks(first=10, every=5, pauses=(timedelta(minutes=10),), stop=100)
        me = (await ada.call("GET", "/me")).json()["id"]
        await budgets.spend(tx, me, "sms", locks=locks, at=world.clock.now())
        await tx.execute(update(budget_rows).where(budget_rows.c.kind == "sms").values(streak=100))
    stopped = await ada.verify(ada.code("sign_in"))
    assert stopped.json()["code"] == "mfa_locked"
    world.clock.forward(timedelta(seconds=31))

    ada.phone = "+12025550188"
    begun = await ada.begin_phone()
    assert (await ada.confirm(begun.json()["id"], ada.code("confirm"))).status_code == 200

    await ada.login()
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200


async def test_a_number_in_use_consumes_the_code_and_counts_no_failure(world: World) -> None:
    ada, bob = await world.with_phone(), await world.signed_up()
    await bob.sign_in()
    bob.phone = ada.phone
    factor_id = (await bob.begin_phone()).json()["id"]
    code = bob.code("confirm")
    statuses = [(await bob.confirm(factor_id, code)).json()["code"] for _ in range(3)]
    assert statuses == ["phone_in_use", "invalid_mfa_code", "invalid_mfa_code"]


async def test_an_enrolment_token_reads_nothing_once_its_sign_in_is_over(world: World) -> None:
    ada = await world.signed_up()
    house = world.app.state.house
    await ada.sign_in()
    me = (await ada.call("GET", "/me")).json()["id"]
    async with house.database.read() as tx:
        user = await people.by_id(tx, me)
    assert user
    waiting = await house.login.pending.have_enrolled(user, NOWHERE)
    assert (await ada.call("GET", "/me/factors", token=waiting.enrollment_token)).status_code == 200
    begun = (
        await ada.call(
            "POST", "/me/factors", {"factor": "sms", "phone_number": ada.phone}, token=waiting.enrollment_token
        )
    ).json()
    world.clock.forward(timedelta(seconds=31))
    async with house.database.begin() as tx:
        await tx.execute(update(users).where(users.c.id == user.id).values(active=False))

    listed = await ada.call("GET", "/me/factors", token=waiting.enrollment_token)
    resent = await ada.call("POST", f"/me/factors/{begun['id']}/resend", token=waiting.enrollment_token)

    assert (listed.status_code, resent.status_code) == (401, 401)


async def test_logging_out_with_an_expired_access_token_ends_the_session(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(timedelta(minutes=11))
    assert (await ada.call("POST", "/logout", {})).status_code == 204
    assert (await ada.refresh()).status_code == 401


async def test_an_expired_access_token_opens_nothing_else(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    world.clock.forward(timedelta(minutes=11))
    assert (await ada.call("GET", "/session")).status_code == 401


async def test_a_question_asked_very_often_breaks_nothing(world: World) -> None:
    ada = await world.with_app()
    await ada.login()
    async with world.app.state.house.database.begin() as tx:
        await tx.execute(update(challenges).values(sends=32_767))
    again = await ada.call("POST", "/verify-otp/challenge", {"factor": "totp"}, token=ada.mfa_token)
    assert again.status_code == 200
    assert (await ada.verify(ada.app_code())).status_code == 200


async def test_a_notice_that_cannot_be_written_holds_up_no_other(world: World) -> None:
    ada = await world.signed_up()
    house = world.app.state.house
    async with house.database.begin() as tx:
        me = await people.by_email(tx, ada.email)
        assert me
        await tell(tx, me.id, "no_such_template", at=world.clock.now())
        await tell(tx, me.id, "factor_added", at=world.clock.now())
    assert "second factor" in (await world.message(ada.email, "notice")).text


async def test_changing_and_removing_a_factor_at_once_crashes_nothing(world: World) -> None:
    ada = await world.with_phone()
    await ada.enrol_app()
    path = f"/me/factors/{await ada.factor_id('sms')}"
    answers = await asyncio.gather(
        ada.call("PATCH", path, {"default": True}),
        ada.call("DELETE", path),
        ada.call("PATCH", path, {"label": "old"}),
    )
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
