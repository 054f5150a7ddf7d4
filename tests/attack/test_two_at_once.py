"""What may happen once happens once, when two people or fifty requests try it in the same moment."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Request, at_once, both, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer, refreshing, with_phone

pytestmark = pytest.mark.attack


async def test_a100_fifty_registrations_of_one_address_make_one_user(house: House) -> None:
    ada = Person(house.service)
    register = Request("POST", "/register", {"email": ada.email, "password": PASSWORD})
    replies = await at_once(house.service, [register] * 50)
    assert {reply.status for reply in replies} == {202}
    assert len({(tuple(reply.headers), len(reply.content)) for reply in replies}) == 1
    await ada.mailed_code(beyond=49)

    verifications = []
    for nth, reply in enumerate(replies[:8]):
        ada.keep(reply.body)
        await ada.call("POST", "/verify-email/resend", {"registration_id": ada.registration_id})
        code = await ada.mailed_code(beyond=50 + nth)
        verifications.append(Request("POST", "/verify-email", {"registration_id": ada.registration_id, "code": code}))
    told = [reply.told for reply in await at_once(house.service, verifications * 5)]

    assert told.count((204, "")) == 1, told
    assert set(told) == {(204, ""), (400, "invalid_verification_code")}
    assert await house.one("SELECT count(*) FROM users WHERE email = $1", ada.email) == 1
    assert await house.one("SELECT count(*) FROM registrations WHERE email = $1", ada.email) == 0
    expect(await ada.login(), 200)


async def test_fifty_confirmations_at_once_enrol_one_factor(house: House) -> None:
    ada = await newcomer(house.service)
    elsewhere = Person(house.service, email=ada.email)
    await elsewhere.sign_in()
    expect(await ada.begin(), 201)
    replies = await at_once(house.service, [ada.confirm_request(await ada.code("confirm"))] * 50)
    told = [reply.told for reply in replies]
    assert [status for status, _ in told].count(200) == 1, told
    assert max(status for status, _ in told) < 500, told
    user = UUID(next(reply for reply in replies if reply.status == 200).body["factor"]["id"])
    user = await house.one("SELECT user_id FROM enrollments WHERE id = $1 AND confirmed_at IS NOT NULL", user)
    assert await house.one("SELECT credential_version FROM users WHERE id = $1", user) == 2
    assert await house.one("SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", user) == 1
    expect(await elsewhere.refresh(), 401)


async def test_two_people_who_confirm_the_same_number_at_once_do_not_both_get_it(house: House) -> None:
    async with lines(house.service, 2) as (left, right):
        for _ in range(5):
            ada, bob = await asyncio.gather(newcomer(house.service), newcomer(house.service))
            bob.phone = ada.phone
            expect(await ada.begin(), 201)
            asked = ada.confirm_request(await ada.code("confirm"))
            expect(await bob.begin(), 201)
            replies = await both((left, asked), (right, bob.confirm_request(await bob.code("confirm"))))
            assert sorted(reply.told for reply in replies) == [(200, ""), (409, "phone_in_use")]
            loser = bob if replies[0].status == 200 else ada
            loser.phone = Person(house.service).phone
            await loser.enrol()


async def test_a055_two_enrolments_begun_at_once_leave_one(house: House) -> None:
    """A double click: one of them may be refused, none of them crashes, and what is left can be confirmed."""
    async with lines(house.service, 2) as (left, right):
        for _ in range(5):
            ada = await newcomer(house.service)
            replies = await both((left, ada.begin_request()), (right, ada.begin_request()))
            assert {reply.status for reply in replies} <= {201, 429}, [reply.told for reply in replies]
            begun = await house.sql.fetch(
                "SELECT e.id FROM enrollments e JOIN users u ON u.id = user_id WHERE email = $1", ada.email
            )
            assert len(begun) == 1
            ada.enrollment_id = str(begun[0]["id"])
            expect(await ada.confirm(await ada.code("confirm")), 200)


async def test_a_factor_that_is_confirmed_while_its_successor_begins_is_never_lost(house: House) -> None:
    """Law 10: whatever wins, a factor that was enrolled stays enrolled, and what is answered as confirmed is."""
    for _ in range(3):
        ada = await with_phone(house.service)
        user = await ada.id()
        ada.phone = Person(house.service).phone
        expect(await ada.begin(), 201)
        confirm = ada.confirm_request(await ada.code("confirm"))
        async with lines(house.service, 2) as (left, right):
            async with house.sql.transaction():
                # Whoever changes credentials waits here; whoever only refers to the user does not.
                await house.sql.execute("SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE", user)
                left.send(confirm)
                await asyncio.sleep(0.1)
                right.send(ada.begin_request())
                await asyncio.sleep(0.1)
            confirmed, begun = await left.reply(), await right.reply()
        assert max(confirmed.status, begun.status) < 500
        held = await house.sql.fetch(
            "SELECT id FROM enrollments WHERE user_id = $1 AND kind = 'sms' AND confirmed_at IS NOT NULL", user
        )
        assert len(held) == 1, f"confirm answered {confirmed.told}, and {len(held)} factors are left"
        if confirmed.status == 200:
            assert str(held[0]["id"]) == confirmed.body["factor"]["id"]


async def test_a163_everything_at_once_on_one_account_crosses_without_a_crash(house: House) -> None:
    ada = await with_phone(house.service)
    seen: Counter[tuple[int, str]] = Counter()
    for _ in range(6):
        await ada.sign_in()
        expect(await ada.begin(), 201)
        confirm = ada.confirm_request(await ada.code("confirm"))
        code = await ada.ask_code()
        anew = Request("POST", "/verify-otp/challenge", {"factor": "sms"}, ada.mfa_token)
        crowd = [ada.begin_request(), confirm, ada.guess(code), anew, refreshing(ada.refresh_token)]
        replies = await at_once(house.service, [*crowd, ada.login_request(), *crowd, confirm])
        seen.update(reply.told for reply in replies)
    measured(f"crossed: {dict(seen)}")
    assert not [told for told in seen if told[0] >= 500], seen
