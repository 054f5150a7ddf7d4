"""What the service's own role could do to the proofs of the audit log, and what went on in silence."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from app.crypto.audit import HOUSE_ID
from app.events import Event
from app.watch import audit
from app.watch.standing import Standing
from tests.aging import happen
from tests.audit import Log
from tests.ring import hearing

SEALING = 0x6761_7473
LINK = "INSERT INTO audit_links (seq, sealed_at, event_id, event_at, event_mac, link)"
GARBAGE = f"{LINK} VALUES ($1, clock_timestamp(), gen_random_uuid(), $2::timestamptz, 'x', 'x')"
OF_A_ROW = f"""{LINK} SELECT $1, clock_timestamp() + $3::interval, id, written_at, mac, 'x'
    FROM audit_events WHERE id = $2"""  # noqa: S608  ours
SWALLOW = """CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER s BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION swallow()"""


async def newest(log: Log) -> int:
    return int(await log.rows.fetchval("SELECT max(seq) FROM audit_links"))


def standing(log: Log) -> Standing:
    return Standing(log.settings.tokens.issuer, log.database, log.keys())


async def test_a158_a_link_follows_the_newest_one_and_holds_an_event_that_is_there(
    kept: Log, service_role: asyncpg.Connection
) -> None:
    """One of another number stopped the sealer for good, as did one of the year 2200."""
    last, linked = await newest(kept), (await kept.named("sign_in.completed"))["id"]
    await happen(kept)
    row = (await kept.named("sign_in.completed"))["id"]
    now = await kept.rows.fetchval("SELECT clock_timestamp()")
    for seq, at in ((2**63 - 1, now), (last + 1, now), (last + 1, now + timedelta(days=60_000)), (-1, now), (0, now)):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.CheckViolationError)):
            await service_role.execute(GARBAGE, seq, at)
    for seq, event, ahead in (
        (last + 1000, row, timedelta(0)),
        (last, row, timedelta(0)),
        (last + 1, row, timedelta(days=60_000)),
        (last + 1, row, timedelta(days=-60)),
        (last + 1, linked, timedelta(0)),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service_role.execute(OF_A_ROW, seq, event, ahead)
    await kept.seal()
    assert await newest(kept) > last
    assert await kept.found() == []


async def test_a158_a_link_of_a_year_to_come_does_not_stop_the_sealer(kept: Log) -> None:
    last = await newest(kept)
    late = await kept.rows.fetchval("SELECT clock_timestamp() + interval '170 years'")
    await kept.forge(GARBAGE, last + 1, late)
    await happen(kept)
    await kept.seal()
    assert await newest(kept) >= last + 2
    assert "row_removed" in await kept.found()


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_keys SET key = 'x'", "DELETE FROM audit_keys", "TRUNCATE audit_keys"]
)
async def test_a158_no_key_of_the_log_is_changed_by_the_services_role(
    service_role: asyncpg.Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service_role.execute(statement)


async def test_the_keys_of_a_user_go_with_them_all_the_same(kept: Log, service_role: asyncpg.Connection) -> None:
    user = (await kept.named("sign_in.completed"))["user_id"]
    await service_role.execute("DELETE FROM users WHERE id = $1", user)
    assert [row["id"] for row in await kept.rows.fetch("SELECT id FROM audit_keys")] == [HOUSE_ID]


async def test_a158_whoever_holds_the_sealers_lock_is_told_of(kept: Log, service_role: asyncpg.Connection) -> None:
    assert (await standing(kept)()).unsealed < timedelta(seconds=20)
    await service_role.execute("SELECT pg_advisory_lock($1)", SEALING)
    await happen(kept)
    row = await kept.named("sign_in.completed")
    await kept.forge("UPDATE audit_events SET written_at = written_at - interval '30 s' WHERE id = $1", row["id"])
    with hearing() as lines:
        sealer = kept.sealer()
        await sealer.seal(last=True)
        await sealer.look()
        behind = await standing(kept)()
        assert timedelta(seconds=30) <= behind.unsealed < timedelta(seconds=60)
        await kept.forge("UPDATE audit_links SET event_at = event_at - interval '1 hour'")
        await kept.forge("UPDATE audit_events SET written_at = written_at - interval '60 s' WHERE id = $1", row["id"])
        await sealer.look()
    told = [line for line in lines if line["event"] == "audit.behind"]
    assert len(told) == 1
    assert told[0]["unsealed"] >= 90
    await service_role.execute("SELECT pg_advisory_unlock($1)", SEALING)


async def test_a158_links_without_a_checkpoint_have_an_age(kept: Log) -> None:
    await kept.rows.execute("SELECT pg_advisory_lock($1)", SEALING)
    await kept.forge("DELETE FROM audit_checkpoints")
    await asyncio.sleep(0.01)
    assert (await standing(kept)()).unvouched > timedelta(0)
    await kept.rows.execute("SELECT pg_advisory_unlock($1)", SEALING)
    await kept.seal()
    assert (await standing(kept)()).unvouched == timedelta(0)


async def test_a158_rows_that_a_trigger_swallows_are_said_to_be_lost(kept: Log) -> None:
    await kept.rows.execute(SWALLOW)
    trail = kept.trail()
    with hearing() as lines:
        with trail.record() as record:
            audit.note(Event.SIGNED_IN)
            audit.note(Event.SIGNED_IN)
            await trail.write(record)
        await trail.catch_up()
        await trail.catch_up()
    assert [line["events"] for line in lines if line["event"] == "audit.lost"] == [2]


async def test_a158_what_stands_before_a_table_of_the_log_is_told(kept: Log) -> None:
    await kept.rows.execute(SWALLOW)
    assert {*await kept.found()} == {"trigger_unknown"}
    await kept.rows.execute("DROP FUNCTION swallow CASCADE")
    await kept.rows.execute("CREATE RULE r AS ON INSERT TO audit_checkpoints DO INSTEAD NOTHING")
    assert await kept.found() == ["trigger_unknown"]
    await kept.rows.execute("DROP RULE r ON audit_checkpoints; ALTER TABLE audit_links DISABLE TRIGGER audit_follows")
    assert await kept.found() == ["trigger_removed"]
    await kept.rows.execute(
        "ALTER TABLE audit_links ENABLE TRIGGER audit_follows; ALTER TABLE audit_keys ENABLE ROW LEVEL SECURITY"
    )
    assert await kept.found() == ["trigger_unknown"]


async def test_a158_the_services_role_makes_no_table_that_hides_one_of_the_log(
    service_role: asyncpg.Connection,
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service_role.execute("CREATE TEMP TABLE audit_events (LIKE public.audit_events)")


@pytest.mark.parametrize("facts", ["[1]", '"x"', '{"deep": {"er": 1}}', '{"number": 1}'])
async def test_a158_facts_that_nobody_writes_are_refused(service_role: asyncpg.Connection, facts: str) -> None:
    """Whoever reads them to prove them would stumble over them."""
    add = "INSERT INTO audit_events (id, at, event, facts, mac) VALUES (gen_random_uuid(), now(), 'x', $1::jsonb, 'x')"
    with pytest.raises(asyncpg.CheckViolationError):
        await service_role.execute(add, facts)
    with pytest.raises(asyncpg.CheckViolationError):
        await service_role.execute(add.replace("now()", "'200000-01-01'"), "{}")
