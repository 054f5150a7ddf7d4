"""A161: the database has committed and the service never hears of it. No token leaves, and what was spent stays spent."""

from collections.abc import AsyncIterator

import pytest

from tests.attack.cutting import Drill, Wire, wired
from tests.attack.people import expect, newcomer, with_phone

pytestmark = pytest.mark.attack

SESSIONS = "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE email = $1"


@pytest.fixture(scope="module")
async def wire() -> AsyncIterator[Wire]:
    async with wired() as line:
        yield line


async def test_a161_a_session_that_was_opened_unheard_spent_its_code(wire: Wire) -> None:
    ada = await with_phone(wire.service)

    async def drill() -> Drill:
        code, before = await ada.ask_code(), await wire.sql.fetchval(SESSIONS, ada.email)

        async def check(_: bool) -> None:
            opened = await wire.sql.fetchval(SESSIONS, ada.email) - before
            expect(await ada.verify(code), 401 if opened else 200)
            expect(await ada.verify(code), 401)
            assert await wire.sql.fetchval(SESSIONS, ada.email) == before + 1

        return Drill("verify-otp", lambda: ada.verify(code), check)

    await wire.cut_commits(drill, commits=2)


async def test_a161_a_sign_in_with_a_password_alone_hands_out_no_token_it_is_not_sure_of(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def check(_: bool) -> None:
        assert expect(await ada.login(), 200).json()["status"] == "authenticated"

    async def drill() -> Drill:
        return Drill("login", ada.login, check)

    await wire.cut_commits(drill, commits=2)


async def test_a161_a_pending_token_is_handed_out_for_a_sign_in_that_is_there(wire: Wire) -> None:
    """The last commit says how the sending went: it is nobody's business but the challenge's, and the answer has been made."""
    ada = await with_phone(wire.service)
    await ada.ask_code()
    assert await wire.sql.fetchval("SELECT count(*) FROM challenges WHERE closed_at IS NULL") > 0
    cut = wire.proxy.arm(2, after=True, only="COMMIT")
    refused = await ada.login()
    wire.proxy.disarm()
    assert cut.done
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert "token" not in refused.text
    expect(await ada.verify(await ada.ask_code()), 200)


async def test_a161_a_factor_that_was_confirmed_unheard_is_confirmed_once(wire: Wire) -> None:
    ada = await with_phone(wire.service)
    user = await ada.id()

    async def drill() -> Drill:
        await ada.sign_in()
        expect(await ada.begin(), 201)
        code = await ada.code("confirm")

        async def check(_: bool) -> None:
            done = await wire.sql.fetchval(
                "SELECT confirmed_at IS NOT NULL FROM enrollments WHERE id = $1::uuid", ada.enrollment_id
            )
            expect(await ada.confirm(code), 401 if done else 200)
            held = await wire.sql.fetch("SELECT id FROM enrollments WHERE user_id = $1 AND kind = 'sms'", user)
            assert [str(row["id"]) for row in held] == [ada.enrollment_id]

        return Drill("confirm", lambda: ada.confirm(code), check)

    await wire.cut_commits(drill, commits=2)


async def test_a161_a_refresh_that_was_done_unheard_is_answered_when_it_is_asked_again(wire: Wire) -> None:
    ada = await newcomer(wire.service)

    async def drill() -> Drill:
        parent = ada.refresh_token

        async def check(_: bool) -> None:
            expect(await ada.call("POST", "/token/refresh", {"refresh_token": parent}), 200)

        return Drill("refresh", ada.refresh, check)

    await wire.cut_commits(drill, commits=1, by="UPDATE sessions")  # one statement, which commits itself
