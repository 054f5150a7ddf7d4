"""What a second attacker found of the chain: an honest log that went red for good, and a first look that kept the sealer busy."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.store import audit_chain
from app.store.audit import StoredEvent
from app.store.database import Tx
from app.watch.standing import OVERLAP, Standing
from tests.aging import SEALING, age, happen, pruning
from tests.audit import Log

AGAIN = """INSERT INTO audit_events SELECT id, clock_timestamp(), at, event, user_id, session_id, request_id, facts, personal,
    key_id, mac FROM audit_events WHERE id = $1 LIMIT 1"""
BACK = "UPDATE audit_events SET written_at = written_at - $2::interval WHERE id = $1 AND written_at = $3"
ALL_OF_A_DAY = 100
"""Turns: each looks through a quarter of an hour."""


async def links(log: Log, row: UUID) -> int:
    return int(await log.rows.fetchval("SELECT count(*) FROM audit_links WHERE event_id = $1", row))


async def unsealed(log: Log, ago: timedelta) -> UUID:
    """Something that happened so long ago, and is in no link: nobody could seal meanwhile."""
    async with log.rows.transaction():
        await log.rows.execute("SELECT pg_advisory_xact_lock($1)", SEALING)
        await happen(log)
        row = await log.named("sign_in.completed")
        await log.forge(BACK, row["id"], ago, row["written_at"])
    return UUID(str(row["id"]))


@pytest.mark.parametrize("already", [True, False])
async def test_an_insert_that_arrives_after_it_was_made_once_more_is_no_finding(kept: Log, already: bool) -> None:
    """A flow that stalls for a moment: the client gives up and writes anew, and then both are there."""
    async with kept.rows.transaction():
        await kept.rows.execute("SELECT pg_advisory_xact_lock($1)", SEALING)
        await happen(kept)
        row = (await kept.named("sign_in.completed"))["id"]
        if not already:
            await kept.rows.execute(AGAIN, row)
    await kept.sealer().seal()
    if already:
        await kept.rows.execute(AGAIN, row)
    await happen(kept)
    for _ in range(3):
        await kept.sealer().seal(last=True)
    assert await kept.rows.fetchval("SELECT count(*) FROM audit_events WHERE id = $1", row) == 2
    assert await links(kept, row) == 1
    assert await kept.found() == []
    async with kept.rows.transaction():
        await kept.rows.execute("SELECT pg_advisory_xact_lock($1)", SEALING)
        await kept.forge("UPDATE audit_events SET written_at = written_at - interval '70 s'")
        await kept.forge("UPDATE audit_links SET event_at = event_at - interval '70 s'")
    behind = await Standing(kept.settings.tokens.issuer, kept.database, kept.keys())()
    assert behind.unsealed == timedelta(0)


async def test_a_month_with_such_a_row_is_dropped_like_any_other(kept: Log) -> None:
    row = (await kept.named("sign_in.completed"))["id"]
    await age(kept, 15)
    await kept.rows.execute(AGAIN, row)
    last = await kept.rows.fetchval("SELECT max(written_at) FROM audit_events WHERE id = $1", row)
    first = await kept.rows.fetchval("SELECT min(written_at) FROM audit_events WHERE id = $1", row)
    await kept.forge(BACK, row, last - first - timedelta(seconds=3), last)
    await happen(kept)
    await kept.seal()
    assert await kept.found() == []
    assert (await pruning(kept)()).seq
    assert await kept.found() == []


async def test_a158_what_only_looks_like_such_a_row_is_found(kept: Log) -> None:
    """It says something else under the same id and MAC, or came when no insert was under way any more."""
    row = await kept.named("sign_in.completed")
    await kept.rows.execute(AGAIN, row["id"])
    again = await kept.rows.fetchval("SELECT max(written_at) FROM audit_events WHERE id = $1", row["id"])
    await kept.forge("UPDATE audit_events SET facts = '{}' WHERE id = $1 AND written_at = $2", row["id"], again)
    await happen(kept)
    await kept.seal()
    assert await kept.found() == ["row_inserted"]
    await kept.forge(
        "UPDATE audit_events SET facts = $3 WHERE id = $1 AND written_at = $2", row["id"], again, row["facts"]
    )
    assert await kept.found() == []
    await kept.forge(BACK, row["id"], timedelta(days=2), again)
    assert await kept.found() == ["row_unsealed"]


async def test_a_sealer_that_found_the_lock_taken_looks_through_the_day_all_the_same(kept: Log) -> None:
    await kept.rows.execute("SELECT pg_advisory_lock($1)", SEALING)
    row, sealer = await unsealed(kept, timedelta(hours=20)), kept.sealer()
    await sealer.seal()
    await asyncio.sleep(1.5)  # the service's own finds it taken, too
    await kept.rows.execute("SELECT pg_advisory_unlock($1)", SEALING)
    assert await links(kept, row) == 0
    for _ in range(ALL_OF_A_DAY):
        await sealer.seal()
    assert await links(kept, row) == 1
    assert await kept.found() == []


async def test_the_newest_rows_do_not_wait_until_a_day_was_looked_through(
    kept: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Millions of events a day took longer than a statement may: each turn ended before it sealed anything."""
    looks: list[tuple[datetime | None, datetime | None]] = []
    unlinked, us = audit_chain.unlinked, asyncio.current_task()

    async def seen(
        tx: Tx, *, since: datetime | None = None, until: datetime | None = None, **more: Any
    ) -> list[StoredEvent]:
        if asyncio.current_task() is us:  # the service has a sealer of its own
            looks.append((since, until))
        return await unlinked(tx, since=since, until=until, **more)

    monkeypatch.setattr(audit_chain, "unlinked", seen)
    sealer, turns = kept.sealer(), []
    for _ in range(ALL_OF_A_DAY):
        looks.clear()
        while not looks:
            await sealer.seal()
        turns.append([*looks])
    now = await kept.rows.fetchval("SELECT clock_timestamp()")
    assert all(turn[0][0] and now - turn[0][0] < OVERLAP * 2 and turn[0][1] is None for turn in turns)
    back = [look for turn in turns for look in turn if look[1]]
    assert back
    assert all(until - since <= timedelta(minutes=16) for since, until in back if since and until)
    assert timedelta(hours=24) < now - min(since for since, _ in back if since) < timedelta(hours=25)
    assert len(turns[-1]) == 1


async def test_a_link_is_not_sealed_before_its_event_was_written(kept: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a month's end such a link lay in the month before, and kept that from being dropped."""
    now = audit_chain.now

    async def slowly(tx: Tx) -> datetime:
        found = await now(tx)
        await asyncio.sleep(0.2)
        return found

    monkeypatch.setattr(audit_chain, "now", slowly)
    for _ in range(5):
        sealing = asyncio.create_task(kept.sealer().seal())
        await asyncio.sleep(0.1)
        await happen(kept)
        await sealing
    await kept.seal()
    assert await kept.rows.fetchval("SELECT count(*) FROM audit_links WHERE sealed_at < event_at") == 0
    assert await kept.found() == []
