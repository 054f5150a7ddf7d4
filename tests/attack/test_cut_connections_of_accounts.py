"""A160, A161: the connection is cut at each statement of what people do with their account; as in test_cut_connections.

What ends something (a password, a factor, a session) has ended it for whoever was answered, and may be done again by who was not.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.attack.cutting import BACKGROUND, Drill, Wire, wired
from tests.attack.people import PASSWORD, Person, expect, newcomer, with_phone
from tests.attack.processes import until

pytestmark = pytest.mark.attack


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[Wire]:
    async with wired() as line:
        yield line


def passwords() -> tuple[str, str]:
    return PASSWORD, "an altogether different phrase"


async def login(person: Person, password: str) -> httpx.Response:
    return await person.call("POST", "/login", {"email": person.email, "password": password})


async def the_one_that_works(person: Person) -> str:
    """Of two passwords exactly one is somebody's."""
    right = [password for password in passwords() if (await login(person, password)).is_success]
    assert len(right) == 1, right
    return right[0]


def other(password: str) -> str:
    return next(one for one in passwords() if one != password)


async def test_a160_a_cut_change_of_a_password_left_the_old_one_or_the_new_one(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def drill() -> Drill:
        old = await the_one_that_works(ada)
        elsewhere = Person(wire.service, email=ada.email)
        expect(await login(elsewhere, old), 200)
        expect(await login(ada, old), 200)
        body = {"current_password": old, "new_password": other(old)}

        async def check(answered: bool) -> None:
            now = await the_one_that_works(Person(wire.service, email=ada.email))
            assert not answered or now == other(old)
            expect(await elsewhere.refresh(), 200 if now == old else 401)
            expect(await ada.refresh(), 200)

        return Drill("change a password", lambda: ada.call("PUT", "/me/password", body, token=ada.access_token), check)

    await wire.cut(drill)


async def reset_token(person: Person) -> str:
    before = len(await person.codes(person.email, "reset"))
    expect(await person.call("POST", "/password/forgot", {"email": person.email}), 202)

    async def has_come() -> bool:
        return len(await person.codes(person.email, "reset")) > before

    await until(has_come, "a link was mailed", within=5)
    return (await person.codes(person.email, "reset"))[0]


async def test_a160_a_cut_reset_left_the_old_password_and_its_link_or_the_new_one(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def drill() -> Drill:
        old = await the_one_that_works(ada)
        expect(await login(ada, old), 200)
        body = {"token": await reset_token(ada), "password": other(old)}

        async def reset() -> httpx.Response:
            return await ada.call("POST", "/password/reset", body)

        async def check(answered: bool) -> None:
            now = await the_one_that_works(Person(wire.service, email=ada.email))
            assert not answered or now == other(old)
            expect(await ada.refresh(), 200 if now == old else 401)
            expect(await reset(), 204 if now == old else 400)
            assert await the_one_that_works(Person(wire.service, email=ada.email)) == other(old)

        return Drill("reset a password", reset, check)

    await wire.cut(drill)


async def test_a160_a_cut_request_for_a_link_can_be_made_again(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def forgot() -> httpx.Response:
        answer = await ada.call("POST", "/password/forgot", {"email": ada.email})
        await asyncio.sleep(BACKGROUND)
        return answer

    async def check(_: bool) -> None:
        await reset_token(ada)

    async def drill() -> Drill:
        return Drill("forgot a password", forgot, check)

    await wire.cut(drill)


async def test_a160_a_cut_request_for_another_mailed_code_can_be_made_again(wire: Wire) -> None:
    async def drill() -> Drill:
        ada = Person(wire.service)
        expect(await ada.register(), 202)
        await ada.mailed_code()

        async def resend() -> httpx.Response:
            answer = await ada.call("POST", "/verify-email/resend", {"registration_id": ada.registration_id})
            await asyncio.sleep(BACKGROUND)
            return answer

        async def check(_: bool) -> None:
            before = len(await ada.codes(ada.email, "verify_email"))
            expect(await resend(), 202)
            expect(await ada.verify_email(await ada.mailed_code(beyond=before)), 204)

        return Drill("resend a mailed code", resend, check)

    await wire.cut(drill)


async def test_a160_a_cut_request_for_another_code_can_be_made_again_and_its_code_works(wire: Wire) -> None:
    ada = await with_phone(wire.service)

    async def anew() -> httpx.Response:
        return await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)

    async def check(_: bool) -> None:
        expect(await anew(), 200)
        expect(await ada.verify(await ada.code("sign_in")), 200)

    async def drill() -> Drill:
        await ada.ask_code()
        return Drill("ask for another code", anew, check)

    await wire.cut(drill)


async def test_a160_a_cut_step_up_can_be_made_again_and_its_code_is_good_once(wire: Wire) -> None:
    ada = await with_phone(wire.service)

    async def ask() -> httpx.Response:
        return await ada.call("POST", "/step-up/challenge", {"factor": "sms"}, token=ada.access_token)

    async def prove(code: str) -> httpx.Response:
        return await ada.call("POST", "/step-up", {"factor": "sms", "code": code}, token=ada.access_token)

    async def asked(_: bool) -> None:
        expect(await ask(), 200)
        expect(await prove(await ada.code("step_up")), 200)

    async def asking() -> Drill:
        return Drill("ask for a step-up", ask, asked)

    async def proving() -> Drill:
        expect(await ask(), 200)
        code = await ada.code("step_up")

        async def proved(answered: bool) -> None:
            again = await prove(code)
            assert again.status_code in ({401} if answered else {200, 401}), again.text
            expect(await prove(code), 401)
            await asked(answered)

        return Drill("step up", lambda: prove(code), proved)

    await ada.sign_in()
    await wire.cut(asking)
    await wire.cut(proving)


async def test_a160_a_cut_removal_of_a_factor_removed_it_or_left_it_whole(wire: Wire) -> None:
    async def drill() -> Drill:
        ada = await with_phone(wire.service)
        user = await ada.id()
        path = f"/me/factors/{ada.enrollment_id}"

        async def remove() -> httpx.Response:
            return await ada.call("DELETE", path, token=ada.access_token)

        async def check(answered: bool) -> None:
            left = await wire.sql.fetchval("SELECT count(*) FROM enrollments WHERE user_id = $1", user)
            assert left in ({0} if answered else {0, 2}), "the recovery codes go with the last factor, or stay with it"
            status = (await login(Person(wire.service, email=ada.email), PASSWORD)).json()["status"]
            assert status == ("mfa_required" if left else "authenticated")
            if left:
                expect(await remove(), 204)

        return Drill("remove a factor", remove, check)

    await wire.cut(drill)


async def test_a160_a_cut_renewal_of_recovery_codes_left_one_set(wire: Wire) -> None:
    ada = await with_phone(wire.service)
    await ada.sign_in()

    async def renew() -> httpx.Response:
        return await ada.call("POST", "/me/recovery-codes", token=ada.access_token)

    async def check(_: bool) -> None:
        codes = expect(await renew(), 200).json()["recovery_codes"]
        expect(await login(ada, PASSWORD), 200)
        expect(
            await ada.call("POST", "/verify-otp", {"factor": "recovery_code", "code": codes[0]}, token=ada.mfa_token),
            200,
        )

    async def drill() -> Drill:
        return Drill("renew recovery codes", renew, check)

    await wire.cut(drill)


async def test_a160_a_cut_end_of_all_other_sessions_can_be_made_again(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def end() -> httpx.Response:
        return await ada.call("DELETE", "/me/sessions", token=ada.access_token)

    async def drill() -> Drill:
        elsewhere = Person(wire.service, email=ada.email)
        await elsewhere.sign_in()
        await ada.sign_in()

        async def check(answered: bool) -> None:
            if not answered:
                expect(await end(), 204)
            expect(await elsewhere.refresh(), 401)
            await until(is_over, "the other worker knows it, too", within=1.5)
            expect(await ada.refresh(), 200)

        async def is_over() -> bool:
            return (await elsewhere.session()).status_code == 401

        return Drill("end other sessions", end, check)

    await wire.cut(drill)
