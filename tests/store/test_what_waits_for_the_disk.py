"""What a crash of the database may lose does not wait for its disk (decision 20); a try, and what is consumed, does."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from app.messages import Purpose
from app.store import budgets, challenges, enrollments, opening, tries
from app.store.budgets import Locks
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.limits import Bucket
from app.store.throttles import Delays
from tests.store.ada import ADA, AT, WEEK, add, opening_of, state_of

ROW = b"of Ada, from here"
DELAYS = Delays(5, (timedelta(seconds=1),), timedelta(days=1))
TAKES = [Bucket(b"of Ada", 9, WEEK), Bucket(b"from here", 9, WEEK, volatile=True)]
SIGN_IN = Challenge.new(
    UUID(int=9), Purpose.SIGN_IN, user_id=ADA, credential_version=1, factor="totp", expires_at=AT + WEEK
)
Work = Callable[[Tx], Awaitable[object]]


async def waits(database: Database, work: Work) -> bool:
    """Whether a transaction with *work* in it waits for the disk; the database of the tests never would by itself."""
    async with database.begin() as tx:
        await tx.execute(text("SET LOCAL synchronous_commit = on"))
        await work(tx)
        return await setting(tx) == "on"


async def setting(tx: Tx) -> str:
    found: str = (await tx.execute(text("SHOW synchronous_commit"))).scalar_one()
    return found


async def spend(tx: Tx) -> None:
    await tries.spend(tx, ROW, delays=DELAYS, takes=TAKES, by_first=(), at=AT)


async def refund(tx: Tx) -> None:
    """Nothing was counted in the row, so there is none that could end."""
    assert len(await tries.refund(tx, ROW, back=(), takes=TAKES, at=AT)) == len(TAKES)


async def ask(tx: Tx) -> None:
    await challenges.open_(tx, SIGN_IN, at=AT)


async def ask_unhurried(tx: Tx) -> None:
    await challenges.open_(tx, SIGN_IN, at=AT, hurried=False)
    assert await challenges.find(tx, SIGN_IN.id, purpose=Purpose.SIGN_IN, user_id=ADA)


async def test_a_password_that_is_tried_waits_for_the_disk(database: Database) -> None:
    """Law 1."""
    assert await waits(database, spend)


async def test_a_password_that_was_right_does_not(database: Database) -> None:
    assert not await waits(database, refund)


async def test_a_question_that_is_shown_does_not_and_one_that_is_sent_does(database: Database) -> None:
    """With what is sent go its limits."""
    await add(database)
    assert not await waits(database, ask_unhurried)
    async with database.read() as tx:
        await tx.execute(text("DELETE FROM challenges"))
    assert await waits(database, ask)


async def test_an_attempt_at_a_code_and_a_session_wait_for_the_disk(database: Database) -> None:
    """Laws 1 and 2."""
    await add(database)
    app = Enrollment.new(UUID(int=8), "totp", user_id=ADA, state=b"before", at=AT, confirmed_at=AT)
    async with database.begin() as tx:
        await enrollments.begin(tx, app)
        await ask(tx)
    locks = Locks(10, 5, (timedelta(minutes=10),), 100)
    assert await waits(database, lambda tx: budgets.spend(tx, ADA, "totp", locks=locks, at=AT))
    state, (session, on) = await state_of(database), opening_of()

    async def open_(tx: Tx) -> None:
        assert await opening.admit_and_open(tx, session, state=state, most=9, idle=WEEK, on=on)

    assert await waits(database, open_)


async def test_what_the_connection_does_next_waits_again(database: Database) -> None:
    async with database.read() as tx:
        await tx.execute(text("SET synchronous_commit = on"))
        await refund(tx)
        assert await setting(tx) == "on"
