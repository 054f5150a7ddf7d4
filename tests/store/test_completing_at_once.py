"""A sign-in that is completed by one statement: all that the right answer stands on is consumed, or nothing is touched."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.messages import Delivery, Purpose
from app.store import attempts, budgets, challenges, enrollments, opening, users
from app.store.answered import Answered
from app.store.budgets import Locks
from app.store.challenges import Challenge, Posed
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.opening import Told
from tests import postgres
from tests.store.ada import ADA, AT, WEEK, Change, add, admit, disable, opening_of, state_of

LOCKS = Locks(10, 5, (timedelta(minutes=10),), 100)
APP = Enrollment.new(UUID(int=8), "totp", user_id=ADA, state=b"before", at=AT, confirmed_at=AT)
SIGN_IN = Challenge.new(
    UUID(int=9), Purpose.SIGN_IN, user_id=ADA, credential_version=1, factor="totp", expires_at=AT + WEEK
)
POSED = Posed("totp", None, {}, None, Delivery.NONE)
WHAT_IS_THERE = """
    SELECT (SELECT last_login_at FROM users) AS seen, closed_at, attempts, sends, (SELECT state FROM enrollments) AS state,
           (SELECT version FROM enrollments) AS version, (SELECT sum(streak) FROM budgets) AS failures,
           (SELECT count(*) FROM sessions) AS sessions, (SELECT count(*) FROM devices) AS devices
    FROM challenges WHERE id = $1
"""


@pytest.fixture
async def state(database: Database) -> str:
    """Of Ada, who has an authenticator app, a sign-in that waits for its code, and two wrong answers behind her."""
    await add(database)
    async with database.begin() as tx:
        await enrollments.begin(tx, APP)
        await challenges.open_(tx, SIGN_IN, at=AT)
        for _ in range(2):
            assert await budgets.spend(tx, ADA, "totp", locks=LOCKS, at=AT)
    return await state_of(database)


async def complete(database: Database, state: str) -> Told | None:
    session, on = opening_of()
    answered = Answered(SIGN_IN, APP, b"after")
    return await database.once(
        lambda tx: opening.admit_and_open(tx, session, state=state, most=9, idle=WEEK, on=on, answered=answered)
    )


async def what_is_there(sweeper: asyncpg.Connection) -> dict[str, Any]:
    found = await sweeper.fetchrow(WHAT_IS_THERE, SIGN_IN.id)
    return dict(found) if found else {}


async def test_all_of_it_is_consumed(database: Database, state: str, sweeper: asyncpg.Connection) -> None:
    assert await complete(database, state) == Told([], {})
    assert await what_is_there(sweeper) == {
        "seen": AT,
        "closed_at": AT,
        "attempts": 0,
        "sends": 0,
        "state": b"after",
        "version": 2,
        "failures": 0,
        "sessions": 1,
        "devices": 1,
    }


async def test_of_fifty_at_once_one_completes(database: Database, state: str, sweeper: asyncpg.Connection) -> None:
    completed = await asyncio.gather(*(complete(database, state) for _ in range(50)))
    assert len([one for one in completed if one]) == 1
    there = await what_is_there(sweeper)
    assert (there["version"], there["sessions"], there["devices"]) == (2, 1, 1)


async def close(tx: Tx) -> None:
    assert await challenges.close(tx, SIGN_IN, at=AT)


async def ask_anew(tx: Tx) -> None:
    assert await challenges.renew_code(tx, SIGN_IN, POSED)


async def answer_elsewhere(tx: Tx) -> None:
    """As a step-up does, which leaves the user as they are."""
    assert await enrollments.save(tx, APP, state=b"elsewhere")


async def remove_factor(tx: Tx) -> None:
    await enrollments.remove(tx, APP.id)


async def expire_password(tx: Tx) -> None:
    assert await users.expire_password(tx, ADA, credential_version=1)


CROSSED = pytest.mark.parametrize(
    "change", [close, ask_anew, answer_elsewhere, remove_factor, expire_password, disable, admit]
)


@CROSSED
async def test_nothing_is_touched_after_a_change_of_what_it_stands_on(
    database: Database, state: str, sweeper: asyncpg.Connection, change: Change
) -> None:
    await database.run(change)
    before = await what_is_there(sweeper)
    assert await complete(database, state) is None
    assert await what_is_there(sweeper) == before
    assert before["failures"] == 4, "two of the factor, and two of all"


@CROSSED
async def test_nothing_is_touched_beside_a_change_that_is_under_way(
    database: Database, state: str, sweeper: asyncpg.Connection, change: Change
) -> None:
    """Nor does it wait for that."""
    before = await what_is_there(sweeper)
    async with database.begin() as tx:
        await change(tx)
        assert await asyncio.wait_for(complete(database, state), 5) is None
        assert await what_is_there(sweeper) == before


async def test_who_holds_the_user_or_is_judged_by_the_same_challenge_is_not_waited_for(
    database: Database, state: str, sweeper: asyncpg.Connection
) -> None:
    before = await what_is_there(sweeper)
    async with database.begin() as tx:
        assert await users.hold(tx, ADA, credential_version=1)
        assert await complete(database, state) is None
    async with database.begin() as tx:
        assert await attempts.spend(tx, SIGN_IN.id, purpose=Purpose.SIGN_IN, user_id=ADA, limit=5, at=AT)
        assert await asyncio.wait_for(complete(database, state), 5) is None
    assert await what_is_there(sweeper) == before | {"attempts": 1}
    assert await complete(database, state)


async def test_what_somebody_else_was_asked_completes_nothing(
    database: Database, state: str, sweeper: asyncpg.Connection
) -> None:
    """No flow mixes them: each reads challenge, factor and user by one statement."""
    await sweeper.execute("""INSERT INTO users (id, email, email_folded, password_hash, locale, created_at)
        VALUES (gen_random_uuid(), 'bob@example.test', 'bob@example.test', '', 'en', now())""")
    bob = "(SELECT id FROM users WHERE email = 'bob@example.test')"
    for table in ("challenges", "enrollments"):
        await sweeper.execute(f"UPDATE {table} SET user_id = {bob}")  # noqa: S608  our own names
        assert await complete(database, state) is None
        assert await sweeper.fetchval("SELECT count(*) FROM sessions") == 0
        await sweeper.execute(f"UPDATE {table} SET user_id = $1", ADA)  # noqa: S608  our own names
    assert await complete(database, state)


async def test_a_failure_that_is_counted_meanwhile_is_waited_for_and_ends_with_the_others(
    database: Database, state: str, sweeper: asyncpg.Connection
) -> None:
    """A budget is no reason to go the long way: whoever counts on it waits for nothing that is held here."""
    async with database.begin() as tx:
        assert await budgets.spend(tx, ADA, "totp", locks=LOCKS, at=AT)
        completing = asyncio.create_task(complete(database, state))
        await postgres.somebody_waits(sweeper)
    assert await completing
    assert (await what_is_there(sweeper))["failures"] == 0


@pytest.mark.usefixtures("state")
async def test_an_attempt_tells_the_state_of_the_user_s_row(database: Database, state: str) -> None:
    taken = await database.once(
        lambda tx: attempts.spend_on(
            tx,
            SIGN_IN.id,
            purpose=Purpose.SIGN_IN,
            user_id=ADA,
            limit=5,
            named=None,
            usable=["totp"],
            since=AT,
            locks=LOCKS,
            at=AT,
        )
    )
    assert taken
    assert taken.user_state == state
