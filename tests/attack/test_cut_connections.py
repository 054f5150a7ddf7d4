"""A160, A161: the connection to PostgreSQL is cut before, and after, each statement of each step of the journey.

The answer is 503 and holds no token, nothing half done is left, and the next request works: the same once more, or anew.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.attack.cutting import BACKGROUND, Drill, Wire, wired
from tests.attack.people import Person, expect, newcomer, with_phone

pytestmark = pytest.mark.attack

COUNTER = "SELECT max(counter) FROM sessions JOIN users ON users.id = user_id WHERE email = $1"


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[Wire]:
    async with wired() as line:
        yield line


async def test_a160_a_cut_registration_can_be_made_again(wire: Wire) -> None:
    async def drill() -> Drill:
        ada = Person(wire.service)

        async def check(_: bool) -> None:
            before = len(await ada.codes(ada.email, "verify_email"))
            expect(await ada.register(), 202)
            expect(await ada.verify_email(await ada.mailed_code(beyond=before)), 204)

        async def register() -> httpx.Response:
            answer = await ada.register()
            await asyncio.sleep(BACKGROUND)
            return answer

        return Drill("register", register, check)

    await wire.cut(drill)


async def test_a160_a_cut_verification_of_an_address_made_a_user_or_can_be_made_again(wire: Wire) -> None:
    async def drill() -> Drill:
        ada = Person(wire.service)
        expect(await ada.register(), 202)
        code = await ada.mailed_code()

        async def check(answered: bool) -> None:
            again = await ada.verify_email(code)
            assert again.status_code in ({400} if answered else {204, 400}), again.text
            expect(await ada.login(), 200)

        return Drill("verify-email", lambda: ada.verify_email(code), check)

    await wire.cut(drill)


async def test_a160_a_cut_login_with_a_password_alone_can_be_made_again(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def check(_: bool) -> None:
        assert expect(await ada.login(), 200).json()["status"] == "authenticated"

    async def drill() -> Drill:
        return Drill("login with a password alone", ada.login, check)

    await wire.cut(drill)


async def test_a160_a_cut_login_can_be_made_again_and_its_code_works(wire: Wire) -> None:
    ada = await with_phone(wire.service)

    async def check(_: bool) -> None:
        expect(await ada.verify(await ada.ask_code()), 200)

    async def drill() -> Drill:
        return Drill("login", ada.login, check)

    await wire.cut(drill)


async def test_a160_a_cut_answer_to_the_second_factor_opens_one_session_at_most(wire: Wire) -> None:
    ada = await with_phone(wire.service)
    user = await ada.id()

    async def sessions() -> int:
        count: int = await wire.sql.fetchval("SELECT count(*) FROM sessions WHERE user_id = $1", user)
        return count

    async def drill() -> Drill:
        code, before = await ada.ask_code(), await sessions()

        async def check(answered: bool) -> None:
            again = await ada.verify(code)
            assert again.status_code in ({401} if answered else {200, 401}), again.text
            assert await sessions() == before + 1, "a code that is spent opened one session, and one only"
            if not again.is_success:
                expect(await ada.verify(await ada.ask_code()), 200)

        return Drill("verify-otp", lambda: ada.verify(code), check)

    await wire.cut(drill)


async def test_a160_a_cut_beginning_of_an_enrolment_can_be_made_again(wire: Wire) -> None:
    ada = await with_phone(wire.service)

    async def check(_: bool) -> None:
        await ada.enrol()

    async def drill() -> Drill:
        return Drill("enrol", ada.begin, check)

    await wire.cut(drill)


async def test_a160_a_cut_confirmation_enrols_whole_or_not_at_all(wire: Wire) -> None:
    ada = await with_phone(wire.service)
    user = await ada.id()

    async def drill() -> Drill:
        await ada.sign_in()
        expect(await ada.begin(), 201)
        code = await ada.code("confirm")

        async def check(answered: bool) -> None:
            again = await ada.confirm(code)
            assert again.status_code in ({401} if answered else {200, 401}), again.text
            held = await wire.sql.fetch("SELECT id::text FROM enrollments WHERE user_id = $1 AND kind = 'sms'", user)
            assert [row["id"] for row in held] == [ada.enrollment_id]

        return Drill("confirm", lambda: ada.confirm(code), check)

    await wire.cut(drill)


async def test_a160_a_cut_refresh_gives_the_same_successor_when_asked_again(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def drill() -> Drill:
        parent = ada.refresh_token
        counter = await wire.sql.fetchval(COUNTER, ada.email)

        async def check(_: bool) -> None:
            expect(await ada.call("POST", "/token/refresh", {"refresh_token": parent}), 200)
            assert await wire.sql.fetchval(COUNTER, ada.email) == counter + 1

        return Drill("refresh", ada.refresh, check)

    await wire.cut(drill)


async def test_a160_a_cut_logout_can_be_made_again(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def drill() -> Drill:
        await ada.sign_in()
        body = {"refresh_token": ada.refresh_token}

        async def check(_: bool) -> None:
            expect(await ada.call("POST", "/logout", body), 204)
            expect(await ada.session(), 401)
            expect(await ada.refresh(), 401)

        return Drill("logout", lambda: ada.call("POST", "/logout", body), check)

    await wire.cut(drill)
