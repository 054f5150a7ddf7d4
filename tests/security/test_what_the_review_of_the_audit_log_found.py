"""What an attacker got past `verify`: rows that no walked link holds, a pruning that forgot the log, checkpoints that fell silent."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.events import Event
from app.flows.prune_audit import Disagrees, Disordered
from app.watch import audit
from app.watch.trail import Trail
from tests.aging import age, happen, pruning
from tests.audit import Log
from tests.ring import hearing
from tests.standins.clock import ManualClock

LONG_AGO = timedelta(minutes=5)
FORGED = """INSERT INTO audit_events (id, written_at, at, event, user_id, facts, mac)
    VALUES ($1, clock_timestamp() - $2::interval, now(), 'sign_in.completed', gen_random_uuid(), '{"forged": "yes"}', '\\x00')"""
HOLD = """INSERT INTO audit_links (seq, event_id, event_at, event_mac, link)
    SELECT $2, id, written_at, mac, '\\x00' FROM audit_events WHERE id = $1"""


async def heard(log: Log) -> list[dict[str, Any]]:
    """What a sealer says, once it is its turn: that of the service may be sealing just now."""
    with hearing() as lines:
        sealer = log.sealer()
        for _ in range(20):
            await sealer.seal(last=True)
            await asyncio.sleep(0.05)
    return lines


async def forge_held(log: Log, seq: int) -> UUID:
    """A row of our own making, held by a link that nobody would look at, as the owner of the schema could."""
    row = uuid4()
    await log.rows.execute("ALTER TABLE audit_links DROP CONSTRAINT audit_links_seq_ck")
    await log.rows.execute(FORGED, row, LONG_AGO)
    await log.forge(HOLD, row, seq)
    return row


@pytest.mark.parametrize("seq", [-1, 0, 1])
async def test_a158_a_forged_row_behind_a_link_of_no_use_is_found(kept: Log, seq: int) -> None:
    row = await forge_held(kept, seq)
    found = (await kept.verify()).findings
    assert {"link_inserted", "row_changed"} <= {one.kind for one in found}
    assert [one for one in found if one.event_id == row and one.kind == "row_changed"]


async def test_a158_two_links_of_one_number_are_both_looked_at_wherever_a_page_ends(
    kept: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = await kept.rows.fetchval("SELECT max(seq) FROM audit_links")
    monkeypatch.setattr("app.flows.audit_verify._BATCH", last)
    row = await forge_held(kept, last)
    found = (await kept.verify()).findings
    assert {"link_inserted", "row_changed"} <= {one.kind for one in found if one.event_id == row}


async def test_a158_a_link_that_is_moved_to_another_month_is_found_and_nothing_is_pruned(kept: Log) -> None:
    """An honest `prune --audit` was made to vouch for the end of the log by it."""
    printed, before = await kept.seal(), len(await kept.events())
    await kept.rows.execute("SELECT audit_make_partitions('2024-01-01', 1)")
    move = "UPDATE audit_links SET sealed_at = '2024-01-15' WHERE seq = (SELECT max(seq) FROM audit_links)"
    await kept.forge(move)
    assert await kept.found(printed) == ["link_changed"]
    for _ in range(2):
        assert (await pruning(kept)()).seq is None
        await happen(kept)
        await kept.seal()
    assert len(await kept.events()) >= before + 2
    await kept.forge("UPDATE audit_events SET facts = '{}', user_id = gen_random_uuid()")
    assert "row_changed" in await kept.found(printed)


async def test_a158_links_that_are_moved_among_those_that_are_old_are_not_dropped_with_them(kept: Log) -> None:
    await age(kept, 15)
    await happen(kept, 3)
    await kept.seal()
    last, old = await kept.rows.fetchval("SELECT max(seq) FROM audit_links"), "(SELECT min(sealed_at) FROM audit_links)"
    await kept.forge(f"UPDATE audit_links SET sealed_at = {old} WHERE seq = $1", last - 1)  # noqa: S608  ours
    with pytest.raises(Disordered):
        await pruning(kept)()
    await kept.forge(f"UPDATE audit_links SET event_at = {old} WHERE seq = $1", last - 1)  # noqa: S608  ours
    await kept.forge(
        f"UPDATE audit_links SET event_at = {old}, sealed_at = {old} WHERE seq = $1",  # noqa: S608  ours
        last - 2,
    )
    with pytest.raises(Disagrees, match=f"Link {last - 2} does not follow"):
        await pruning(kept)()
    assert await kept.rows.fetchval("SELECT count(*) FROM audit_links WHERE seq <= $1", last) == last


async def test_a158_what_was_changed_is_not_dropped_before_somebody_looked(kept: Log) -> None:
    await age(kept, 15)
    old = len(await kept.events())
    await happen(kept)
    await kept.seal()
    row = await kept.named("registration.verified")
    await kept.forge("UPDATE audit_events SET event = 'x' WHERE id = $1", row["id"])
    with pytest.raises(Disagrees, match=str(row["id"])):
        await pruning(kept)()
    assert (await pruning(kept, despite=True)()).events == old
    assert await kept.found() == []


async def test_a158_what_is_put_in_again_where_the_log_was_pruned_is_found(kept: Log) -> None:
    """Behind a link of then, or sealed anew: its copy of then is gone."""
    await age(kept, 15)
    await happen(kept)
    await kept.seal()
    await pruning(kept)()
    row = uuid4()
    await kept.rows.execute(FORGED, row, LONG_AGO)
    await kept.forge(HOLD, row, 1)
    assert await kept.found() == ["link_inserted", "row_changed", "row_inserted"]
    await kept.forge("DELETE FROM audit_events WHERE id = $1", row)
    await kept.forge("DELETE FROM audit_links WHERE seq = 1")
    trail = Trail(kept.database, keys=kept.keys(), clock=ManualClock(datetime(2020, 1, 1, tzinfo=UTC)), size=1)
    with trail.record() as record:
        audit.note(Event.SIGNED_IN)
        await trail.write(record)
    await kept.seal()
    assert await kept.found() == ["row_replayed"]


async def test_a158_checkpoints_go_on_whatever_the_table_says_of_them(kept: Log) -> None:
    """Numbers and times are read from tokens."""
    printed = await kept.seal()
    silence = """INSERT INTO audit_checkpoints (id, seq, at, token)
        SELECT gen_random_uuid(), $1, $2, token FROM audit_checkpoints LIMIT 1"""
    await kept.rows.execute(silence, 2**62, datetime.now(UTC))
    await kept.rows.execute(silence, 1, datetime(2200, 1, 1, tzinfo=UTC))
    await happen(kept)
    await kept.sealer().seal(last=True)
    last = await kept.rows.fetchval("SELECT max(seq) FROM audit_links")
    assert await kept.rows.fetchval("SELECT count(*) FROM audit_checkpoints WHERE seq = $1", last) == 1
    assert await kept.found(printed) == ["checkpoint_changed", "checkpoint_changed"]


async def test_a158_verify_says_what_lies_beyond_the_newest_checkpoint_from_elsewhere(kept: Log) -> None:
    printed = await kept.seal()
    seq = await kept.rows.fetchval("SELECT max(seq) FROM audit_checkpoints")
    await happen(kept, 3)
    await kept.seal()
    report = await kept.verify(printed)
    assert (report.outside, report.beyond) == (1, report.last - seq)
    assert report.last >= seq + 3
    assert report.newest is not None


async def test_a158_a_cut_tail_is_told_by_the_service_that_vouched_for_it(kept: Log) -> None:
    await kept.forge("DELETE FROM audit_links WHERE seq > 3")
    await kept.forge("DELETE FROM audit_events WHERE written_at > (SELECT max(event_at) FROM audit_links)")
    assert "audit.tail_cut" in {line["event"] for line in await heard(kept)}


async def test_a158_a_row_that_is_put_in_again_is_found(kept: Log) -> None:
    """More than a day later: no insert is under way for so long."""
    await age(kept, 2)
    row = await kept.named("sign_in.completed")
    again = """INSERT INTO audit_events SELECT id, clock_timestamp(), at, event, user_id, session_id, request_id, facts, personal,
        key_id, mac FROM audit_events WHERE id = $1"""
    await kept.rows.execute(again, row["id"])
    await kept.seal()
    (finding,) = (await kept.verify()).findings
    assert (finding.kind, finding.event_id) == ("row_replayed", row["id"])


async def test_a158_a_row_that_is_not_ours_gets_no_link(kept: Log) -> None:
    row = uuid4()
    await kept.rows.execute(FORGED, row, timedelta(0))
    assert {line["row"] for line in await heard(kept) if line["event"] == "audit.foreign"} == {str(row)}
    await happen(kept)
    await kept.seal()
    unlinked = "SELECT id FROM audit_events WHERE id NOT IN (SELECT event_id FROM audit_links)"
    assert [one["id"] for one in await kept.rows.fetch(unlinked)] == [row]
    assert await kept.found() == ["row_inserted"]


async def test_a158_the_key_of_somebody_who_is_still_here_is_missed(kept: Log) -> None:
    row = await kept.named("sign_in.completed")
    await kept.rows.execute("DELETE FROM audit_keys WHERE user_id = $1", row["user_id"])
    (finding,) = (await kept.verify()).findings
    assert finding.kind == "key_removed"
    assert "still here" in finding.sentence
    await kept.rows.execute("DELETE FROM users WHERE id = $1", row["user_id"])
    assert await kept.found() == ["key_removed"]
    await happen(kept, event=Event.USER_DELETED, user_id=row["user_id"])
    await kept.seal()
    assert await kept.found() == []


async def test_a158_rows_alone_are_missed_too(kept: Log) -> None:
    for table in ("audit_links", "audit_checkpoints"):
        await kept.forge(f"DELETE FROM {table}")  # noqa: S608  ours
    await kept.forge("DELETE FROM audit_keys WHERE user_id IS NULL")
    assert await kept.found() == ["key_removed"]
