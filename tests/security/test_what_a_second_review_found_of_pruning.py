"""What a second attacker found of `prune --audit`: it stopped whoever writes, stopped for good, and left behind what grows."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.crypto.audit import HOUSE_ID, Proofs
from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.flows.prune_audit import Disagrees, Held
from app.store.database import Database
from tests import postgres
from tests.aging import SEALING, age, happen, pruning
from tests.audit import Log

STALL = 2.0
"""Seconds after which a request no longer waits for its events to be written."""
CHECKPOINT = "INSERT INTO audit_checkpoints (id, seq, at, token) VALUES (gen_random_uuid(), $1, $2, $3)"
NEWEST = "EXPLAIN SELECT seq, at, token FROM audit_checkpoints ORDER BY at DESC LIMIT 5"
CLOSED = """SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
MONTHS = """SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = $1::text::regclass AND c.relname ~ '_[0-9]{6}$' ORDER BY 1"""

REFUSING = """SELECT count(*) FROM pg_trigger AS t JOIN pg_proc AS f ON f.oid = t.tgfoid
    WHERE t.tgrelid = $1::text::regclass AND f.proname = 'audit_refuse' AND t.tgenabled = 'O'"""


@pytest.fixture
async def reader(kept: Log) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who reads the log for a long time, as a dump does."""
    connection = await postgres.connect(kept.url)
    yield connection
    await connection.close()


async def pruned_beside(kept: Log, reader: asyncpg.Connection) -> None:
    """Beside *reader* nothing is pruned, and nobody who writes waits for that; and once that has ended all is."""
    settings = kept.settings.database.model_copy(update={"statement_limit": timedelta(hours=1)})
    patient, before = Database(settings), len(await kept.events())
    reading = reader.transaction()
    await reading.start()
    await reader.fetchval("SELECT count(*) FROM audit_events")
    job = asyncio.create_task(replace(pruning(kept), database=patient)())
    slowest = 0.0
    while not job.done():
        begun = time.monotonic()
        await happen(kept)
        slowest = max(slowest, time.monotonic() - begun)
        before += 1
        await asyncio.sleep(0.05)
    assert slowest < STALL
    with pytest.raises(Held, match="Nothing was dropped"):
        await job
    assert len(await kept.events()) >= before
    await reading.rollback()
    await patient.close()


async def test_whoever_writes_does_not_wait_for_old_months_to_be_dropped(
    kept: Log, reader: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.flows.prune_audit._TRIES", 2)
    await age(kept, 15)
    await happen(kept)
    await kept.seal()
    await pruned_beside(kept, reader)
    assert (await pruning(kept)()).seq
    assert await kept.found() == []


async def without_the_last_month(log: Log) -> None:
    """A month went by: one is to be made."""
    for table in ("audit_events", "audit_links"):
        await log.rows.execute(f"DROP TABLE {(await log.rows.fetch(MONTHS, table))[-1][0]}")


async def test_whoever_writes_does_not_wait_for_a_month_to_be_made(
    kept: Log, reader: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.flows.prune_audit._TRIES", 2)
    await without_the_last_month(kept)
    await pruned_beside(kept, reader)
    assert (await pruning(kept)()).made == 2


async def test_months_are_made_while_nobody_seals(kept: Log) -> None:
    """A sealer reads the two tables the other way round: either lost its work to a deadlock."""
    await without_the_last_month(kept)
    async with kept.rows.transaction():
        await kept.rows.execute("SELECT pg_advisory_xact_lock($1)", SEALING)
        job = asyncio.create_task(pruning(kept)())
        await asyncio.sleep(1)
        assert not job.done()
        assert await kept.rows.fetchval(CLOSED) == 0
    assert (await job).made == 2


async def test_rows_in_a_default_partition_are_moved_into_their_months(kept: Log) -> None:
    """Nobody had pruned for two years."""
    for table in ("audit_events", "audit_links"):
        rows = await kept.rows.fetch(f"SELECT * FROM {table}")  # noqa: S608  ours
        await kept.forge(f"DELETE FROM {table}")  # noqa: S608  ours
        for name in await kept.rows.fetch(MONTHS, table):
            await kept.rows.execute(f"DROP TABLE {name[0]}")
        await kept.rows.execute("SET session_replication_role = replica")
        await kept.rows.copy_records_to_table(f"{table}_default", records=[tuple(row) for row in rows])
        await kept.rows.execute("SET session_replication_role = origin")
    await happen(kept)
    printed = await kept.seal()
    assert await kept.rows.fetchval("SELECT count(*) FROM audit_events_default") > 1
    assert (await pruning(kept)()).made == 48
    for table in ("audit_events", "audit_links"):
        assert await kept.rows.fetchval(f"SELECT count(*) FROM {table}_default") == 0  # noqa: S608  ours
        assert await kept.rows.fetchval(REFUSING, f"{table}_default") == 2
    assert await kept.found(printed) == []
    await age(kept, 15)
    await happen(kept)
    await kept.seal()
    assert (await pruning(kept)()).seq
    assert await kept.found() == []


async def vouched(log: Log, ago: timedelta, *, pruned_before: datetime | None = None) -> datetime:
    """A checkpoint of long ago, of the newest link; one of pruning says that nothing went."""
    at = await log.rows.fetchval("SELECT date_trunc('day', clock_timestamp(), 'UTC') - $1::interval", ago)
    newest = await log.rows.fetchrow("SELECT seq, link FROM audit_links ORDER BY seq DESC LIMIT 1")
    seq, link = (newest["seq"], newest["link"]) if newest and not pruned_before else (0, bytes(32))
    key = log.world.app.state.house.tokens.keys.access
    checkpoints = Checkpoints(log.settings.tokens.issuer, Proofs(await log.keys().house()))
    token = checkpoints.mint(Checkpoint(seq, link, at, pruned_before), key=key)
    await log.rows.execute(CHECKPOINT, seq, at, token)
    assert isinstance(at, datetime)
    return at


async def test_of_old_checkpoints_one_a_day_is_kept_and_those_of_pruning(kept: Log) -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    young = [await vouched(kept, 2 * day - n * hour) for n in range(3)]
    old = [[await vouched(kept, days * day - n * hour) for n in range(3)] for days in (20, 30)]
    told = await vouched(kept, 30 * day - hour / 2, pruned_before=datetime(2020, 1, 1, tzinfo=UTC))
    await kept.rows.execute(CHECKPOINT, 1, told + hour / 4, "garbage")
    assert (await pruning(kept)()).checkpoints == 4
    left = {row[0] for row in await kept.rows.fetch("SELECT at FROM audit_checkpoints")}
    assert {*young, old[0][2], old[1][2], told, told + hour / 4} <= left
    assert not left & {*old[0][:2], *old[1][:2]}
    assert await kept.found() == ["checkpoint_forged"]
    assert (await pruning(kept)()).checkpoints == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await kept.rows.execute("DELETE FROM audit_checkpoints")


async def test_the_newest_checkpoints_are_found_without_sorting_all(kept: Log) -> None:
    for _ in range(3):
        await kept.rows.execute(
            "INSERT INTO audit_checkpoints (id, seq, token) SELECT gen_random_uuid(), 1, 'x' FROM generate_series(1, 1000)"
        )
    await kept.rows.execute("ANALYZE audit_checkpoints")
    assert "audit_checkpoints_at_ix" in " ".join(row[0] for row in await kept.rows.fetch(NEWEST))


async def test_keys_go_with_the_events_they_sealed(kept: Log) -> None:
    user = (await kept.named("sign_in.completed"))["user_id"]
    await age(kept, 15)
    await kept.rows.execute("UPDATE audit_keys SET created_at = now() - interval '15 months' WHERE user_id IS NOT NULL")
    await kept.world.signed_up()
    await kept.seal()
    assert (await pruning(kept)()).keys >= 1
    assert await kept.rows.fetchval("SELECT count(*) FROM audit_keys WHERE user_id = $1", user) == 0
    left = [row[0] for row in await kept.rows.fetch("SELECT id FROM audit_keys")]
    assert HOUSE_ID in left
    assert len(left) > 1
    assert await kept.found() == []


async def test_a_checkpoint_of_somebody_else_does_not_keep_the_log_from_being_pruned(
    kept: Log, service_role: asyncpg.Connection
) -> None:
    await age(kept, 15)
    await happen(kept)
    await kept.seal()
    await service_role.execute("INSERT INTO audit_checkpoints (id, seq, token) VALUES (gen_random_uuid(), 1, 'x')")
    assert (await pruning(kept)()).seq
    assert await kept.found() == ["checkpoint_forged"]


async def test_despite_findings_means_despite_a_link_that_is_gone(kept: Log) -> None:
    await age(kept, 15)
    old = await kept.rows.fetchval("SELECT count(*) FROM audit_events WHERE written_at < now() - interval '14 months'")
    await happen(kept)
    await kept.seal()
    await kept.forge("DELETE FROM audit_links WHERE seq = 3")
    with pytest.raises(Disagrees, match="Link 3 is missing"):
        await pruning(kept)()
    done = await pruning(kept, despite=True)()
    assert (done.events, done.seq) == (old, old)
    assert await kept.found() == []
