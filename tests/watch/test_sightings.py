"""Sightings: when sessions were last used is written at most once a minute each, whatever the guard sees."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.problems import DatabaseUnavailable
from app.store.database import Database
from app.watch import sightings
from app.watch.sightings import Sightings
from tests.postgres import settings_for
from tests.standins.clock import ManualClock

USER = """INSERT INTO users (id, email, email_folded, password_hash, locale, created_at)
    VALUES ($1, 'ada@example.test', 'ada@example.test', '', 'en', $2)"""
SESSION = """INSERT INTO sessions (id, user_id, credential_version, key_id, amr, acr, auth_time, created_at, rotated_at, expires_at)
    VALUES ($1, $2, 1, '', '{}', '', $3, $3, $3, $3)"""
SEEN = "SELECT seen_at FROM sessions WHERE id = $1"
WRITTEN = "SELECT xmin::text FROM sessions WHERE id = $1"


@pytest.fixture
async def session(clean: None, sweeper: asyncpg.Connection) -> UUID:  # noqa: ARG001  asked for what it does
    user, session = uuid4(), uuid4()
    await sweeper.execute(USER, user, ManualClock().now())
    await sweeper.execute(SESSION, session, user, ManualClock().now())
    return session


async def test_a_session_is_written_once_a_minute(
    database: Database, sweeper: asyncpg.Connection, session: UUID
) -> None:
    clock = ManualClock()
    seen = Sightings(database, clock=clock)
    seen.note(session)
    await seen.write()
    first, row = await sweeper.fetchval(SEEN, session), await sweeper.fetchval(WRITTEN, session)
    assert first == clock.now()
    clock.forward(timedelta(seconds=59))
    seen.note(session)
    await seen.write()
    assert await sweeper.fetchval(WRITTEN, session) == row
    clock.forward(timedelta(seconds=2))
    await seen.write()
    seen.note(session)
    await seen.write()
    assert await sweeper.fetchval(SEEN, session) == clock.now()


async def test_two_replicas_write_it_once_too(database: Database, sweeper: asyncpg.Connection, session: UUID) -> None:
    clock = ManualClock()
    left, right = Sightings(database, clock=clock), Sightings(database, clock=clock)
    left.note(session)
    await left.write()
    row = await sweeper.fetchval(WRITTEN, session)
    clock.forward(timedelta(seconds=30))
    right.note(session)
    await right.write()
    assert await sweeper.fetchval(WRITTEN, session) == row


async def test_what_could_not_be_written_is_written_later(
    database: Database, sweeper: asyncpg.Connection, session: UUID
) -> None:
    nowhere = Database(settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/nothing"))
    seen = Sightings(nowhere, clock=ManualClock())
    seen.note(session)
    with pytest.raises(DatabaseUnavailable):
        await seen.write()
    seen._database = database
    await seen.write()
    assert await sweeper.fetchval(SEEN, session) == ManualClock().now()
    await nowhere.close()


async def test_no_more_is_remembered_than_has_room(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings, "_MOST", 3)
    clock = ManualClock()
    seen = Sightings(database, clock=clock)
    for _ in range(10):
        seen.note(uuid4())
    assert len(seen._noted) == len(seen._new) == 3
    await seen.write()
    clock.forward(timedelta(minutes=2))
    await seen.write()
    assert not seen._noted
    assert not seen._new
