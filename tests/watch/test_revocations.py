"""What the guard remembers of what ended: read by the database's time, compared by ours, and forgotten with the last token."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from app.crypto.chance import new_id
from app.crypto.claims import AccessClaims, Scope
from app.problems import DatabaseUnavailable
from app.store import revocations
from app.store.database import Database
from app.watch.revocations import OVERLAP, Revocations
from tests import postgres
from tests.measures import sample
from tests.standins.clock import ManualClock

LIFE = timedelta(minutes=10)
SECOND = timedelta(seconds=1)
USER = "INSERT INTO users (id, email, email_folded, password_hash, locale, created_at) VALUES ($1, $2, $2, '', 'en', now())"
ENDED = """INSERT INTO sessions (id, user_id, credential_version, key_id, amr, acr, auth_time, created_at, rotated_at, expires_at,
    ended_at, end_reason) VALUES ($1, $2, 1, '', '{pwd}', '', now(), now(), now(), now(), $3, 'logout')"""
TOUCHED = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'sessions'")


@pytest.fixture
def clock() -> ManualClock:
    """Years away from the database's."""
    return ManualClock()


@pytest.fixture
def known(database: Database, clock: ManualClock) -> Revocations:
    return Revocations(database, life=LIFE, clock=clock)


def claims(clock: ManualClock, *, user: UUID | None = None, session: UUID | None = None) -> AccessClaims:
    """Of a token minted now."""
    now = int(clock.now().timestamp())
    told: dict[str, Any] = {"iss": "x", "aud": "x", "jti": new_id(clock.now()), "iat": now, "exp": now + 600}
    told |= {"auth_time": now, "acr": "x", "amr": ("pwd",), "client_id": "gatehouse", "scope": Scope.FULL}
    return AccessClaims(**told, sub=user or new_id(clock.now()), sid=session or new_id(clock.now()))


async def cut(database: Database, *, ahead: timedelta = timedelta(0), user: UUID | None = None) -> UUID:
    user = user or new_id(datetime.now(UTC))
    async with database.begin() as tx:
        await revocations.cut(tx, user, ahead=ahead)
    return user


async def ended(rows: asyncpg.Connection, *, at: datetime) -> UUID:
    user, session = new_id(at), new_id(at)
    await rows.execute(USER, user, f"{user}@example.test")
    await rows.execute(ENDED, session, user, at)
    return session


async def test_a_cut_off_refuses_what_was_minted_before_it_and_soon_nothing_else(
    database: Database, known: Revocations, clock: ManualClock
) -> None:
    """`iat` is in whole seconds: what was minted in the same second was minted before."""
    before = claims(clock)
    await cut(database, user=before.sub)
    await known.read()
    assert await known.include(before)
    assert not await known.include(claims(clock))

    clock.forward(SECOND)

    assert not await known.include(claims(clock, user=before.sub))
    assert await known.include(before)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=1.7)])
async def test_it_is_never_rounded_to_before_it_was_and_two_seconds_later_at_most(
    database: Database, ahead: timedelta
) -> None:
    """Whenever in a second it happens and is read, on a clock that goes as the database's does, or ahead of it."""
    for _ in range(5):
        user = await cut(database)
        was = datetime.now(UTC) + ahead
        await asyncio.sleep(0.13)
        reading = Revocations(database, life=LIFE, clock=ManualClock(datetime.now(UTC) + ahead))
        await reading.read()
        assert 0 <= reading.cut_offs(since=0)[user] - was.timestamp() <= 2


async def test_a_deleted_users_cut_off_lies_ahead(database: Database, known: Revocations, clock: ManualClock) -> None:
    user = await cut(database, ahead=timedelta(seconds=30))
    await known.read()
    for seconds in (0, 29):
        clock.forward(timedelta(seconds=seconds))
        assert await known.include(claims(clock, user=user))


async def test_a_later_cut_off_takes_the_place_of_an_earlier_one_and_never_the_other_way(
    database: Database, known: Revocations
) -> None:
    user = await cut(database)
    await known.read()
    first = known.cut_offs(since=0)[user]
    await cut(database, ahead=timedelta(seconds=30), user=user)
    await cut(database, user=user)
    await known.read()
    assert first + 29 <= known.cut_offs(since=0)[user] <= first + 31


async def test_a_moment_is_worked_out_once_so_a_clock_that_is_set_does_not_move_it(
    database: Database, known: Revocations, clock: ManualClock
) -> None:
    user = await cut(database)
    await known.read()
    first = known.cut_offs(since=0)
    clock.forward(timedelta(minutes=5))
    await known.read()
    assert known.cut_offs(since=0) == first
    assert not await known.include(claims(clock, user=user))


async def test_what_commits_late_is_found_by_the_overlap(
    database: Database, known: Revocations, clock: ManualClock
) -> None:
    """A read that began after it was written and ended before it was committed must not be the last one to look."""
    user = new_id(clock.now())
    before = claims(clock, user=user)
    async with database.begin() as tx:
        await revocations.cut(tx, user)
        await known.read()
        assert not await known.include(before)
    await known.read()
    assert await known.include(before)


async def test_a_session_that_ended_within_a_tokens_life_is_known_after_the_first_read(
    known: Revocations, sweeper: asyncpg.Connection, clock: ManualClock
) -> None:
    now = datetime.now(UTC)
    recent = await ended(sweeper, at=now - timedelta(minutes=9))
    long_ago = await ended(sweeper, at=now - timedelta(minutes=11))
    await known.read()
    assert await known.include(claims(clock, session=recent))
    assert not await known.include(claims(clock, session=long_ago))
    assert list(known.sessions(since=0)) == [recent]


async def test_only_what_is_new_is_told_to_who_knows_the_rest(
    known: Revocations, sweeper: asyncpg.Connection, clock: ManualClock
) -> None:
    now, here = datetime.now(UTC), int(clock.now().timestamp())
    older = await ended(sweeper, at=now - timedelta(minutes=2))
    newer = await ended(sweeper, at=now - timedelta(minutes=1))
    await known.read()
    assert set(known.sessions(since=here - 180)) == {older, newer}
    assert set(known.sessions(since=here - 90)) == {newer}
    assert not known.sessions(since=here - 30)


async def test_what_this_process_ended_is_known_before_it_is_read_and_counted_when_it_is(
    known: Revocations, sweeper: asyncpg.Connection, clock: ManualClock
) -> None:
    await known.read()
    session = await ended(sweeper, at=datetime.now(UTC))
    known.add(session)
    assert await known.include(claims(clock, session=session))
    assert known.version == 0
    for _ in range(3):
        await known.read()
        known.add(session)
    assert known.version == 1


async def test_it_forgets_when_no_token_can_be_alive(
    database: Database, known: Revocations, sweeper: asyncpg.Connection, clock: ManualClock
) -> None:
    """So it never holds more than a token's life and two overlaps."""
    await ended(sweeper, at=datetime.now(UTC))
    await cut(database)
    await known.read()
    await sweeper.execute(postgres.broom())
    clock.forward(LIFE + OVERLAP)
    await known.read()
    assert (len(known.sessions(since=0)), len(known.cut_offs(since=0))) == (1, 1)
    clock.forward(OVERLAP + SECOND)
    await known.read()
    assert (known.sessions(since=0), known.cut_offs(since=0)) == ({}, {})


async def test_who_cannot_know_refuses(clock: ManualClock) -> None:
    nowhere = Database(postgres.settings_for("postgresql+asyncpg://127.0.0.1:1/nobody"))
    blind = Revocations(nowhere, life=LIFE, clock=clock)
    with pytest.raises(DatabaseUnavailable):
        await blind.include(claims(clock))
    await nowhere.close()


async def test_the_question_is_answered_out_of_the_index(database: Database, sweeper: asyncpg.Connection) -> None:
    """It is asked four times a second by every worker, of a table that holds a month of sessions."""
    now = datetime.now(UTC)
    user = new_id(now)
    await sweeper.execute(USER, user, "crowd@example.test")
    long_ago = [(new_id(now), user, now - timedelta(days=1)) for _ in range(3000)]
    await sweeper.executemany(ENDED, long_ago)
    await sweeper.execute("ANALYZE sessions")
    async with database.begin() as tx:
        assert await revocations.ended_since(tx, LIFE) == []
        touched = await tx.execute(TOUCHED)
    assert touched.scalar_one() < 100


@pytest.fixture
async def alone(service_sweeper: asyncpg.Connection) -> AsyncIterator[None]:
    """What a service in this process reads waits: metrics are the process's."""
    async with service_sweeper.transaction():
        await service_sweeper.execute("LOCK TABLE sessions, cut_offs IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.usefixtures("alone")
async def test_how_late_an_end_was_known_is_measured_and_what_was_there_before_is_not(
    database: Database, known: Revocations, clock: ManualClock
) -> None:
    before = sample("gatehouse_revocation_lag_seconds_count")
    await cut(database)
    await known.read()
    assert sample("gatehouse_revocation_lag_seconds_count") == before
    assert sample("gatehouse_revocation_feed_read_timestamp_seconds") == clock.now().timestamp()
    await cut(database)
    await known.read()
    await known.read()
    assert sample("gatehouse_revocation_lag_seconds_count") == before + 1


async def test_a_feed_that_hangs_is_counted(
    known: Revocations, clock: ManualClock, sweeper: asyncpg.Connection
) -> None:
    before = sample("gatehouse_revocation_feed_stale_total")
    async with sweeper.transaction():
        await sweeper.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable):
            await known.include(claims(clock))
    assert sample("gatehouse_revocation_feed_stale_total") == before + 1
    assert not await known.include(claims(clock))
