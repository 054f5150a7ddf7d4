"""A158: the audit log as whoever owns the database would falsify it, and as the service's own role may not even try."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.crypto.audit import HOUSE_ID, AuditKey, Proofs
from app.crypto.audit_checkpoints import Checkpoint, Checkpoints
from app.crypto.signing import SigningKey
from app.events import Event
from app.flows.prune_audit import Unsealed
from app.store.audit_roles import UnknownRole, grant
from app.watch import audit
from tests import postgres
from tests.aging import SEALING, age, pruning
from tests.audit import Log

APPEND_ONLY = ("audit_events", "audit_links", "audit_checkpoints")


@pytest.mark.parametrize(
    "change",
    [
        "event = 'sign_in.forged'",
        'facts = facts || \'{"acr": "urn:gatehouse:mfa"}\'',
        "user_id = gen_random_uuid()",
        "session_id = NULL",
        "request_id = 'another-request'",
        "at = at + interval '1 microsecond'",
        "personal = personal || '\\x00'",
        "personal = NULL",
        "key_id = gen_random_uuid()",
        "mac = '\\x00'",
        "written_at = written_at + interval '1 microsecond'",
        "id = gen_random_uuid()",
    ],
)
async def test_a158_a_changed_row_is_found(kept: Log, change: str) -> None:
    row = await kept.named("sign_in.completed")
    await kept.forge(f"UPDATE audit_events SET {change} WHERE id = $1", row["id"])  # noqa: S608  our own
    found = (await kept.verify()).findings
    assert found
    assert {finding.kind for finding in found} <= {"row_changed", "row_removed", "row_inserted", "key_removed"}
    assert str(row["id"]) in found[0].sentence


async def test_a158_a_removed_row_is_found(kept: Log) -> None:
    row = await kept.named("sign_in.completed")
    await kept.forge("DELETE FROM audit_events WHERE id = $1", row["id"])
    assert await kept.found() == ["row_removed"]


async def test_a158_a_row_that_is_removed_with_its_link_is_found(kept: Log) -> None:
    row = await kept.rows.fetchrow("SELECT event_id FROM audit_links WHERE seq = 2")
    assert row
    await kept.forge("DELETE FROM audit_events WHERE id = $1", row["event_id"])
    await kept.forge("DELETE FROM audit_links WHERE seq = 2")
    assert await kept.found() == ["link_removed"]


async def test_a158_an_inserted_row_is_found(kept: Log) -> None:
    """Copied from a real one: it is not as anybody wrote it, so nobody seals it."""
    copy = """INSERT INTO audit_events SELECT gen_random_uuid(), clock_timestamp() - $1::interval, at, event, user_id,
        session_id, request_id, facts, personal, key_id, mac FROM audit_events LIMIT 1"""
    await kept.rows.execute(copy, timedelta(minutes=2))
    assert await kept.found() == ["row_inserted"]
    await kept.seal()
    assert await kept.found() == ["row_inserted"]


async def test_a158_reordered_links_are_found(kept: Log) -> None:
    swap = """UPDATE audit_links AS l SET event_id = o.event_id, event_at = o.event_at, event_mac = o.event_mac
        FROM audit_links AS o WHERE (l.seq, o.seq) IN ((2, 3), (3, 2))"""
    await kept.forge(swap)
    assert await kept.found() == ["link_changed", "link_changed"]


async def test_a158_renumbered_links_are_found(kept: Log) -> None:
    await kept.forge("UPDATE audit_links SET seq = seq + 100 WHERE seq > 2")
    assert "link_removed" in await kept.found()


async def test_a158_a_cut_tail_is_found_by_a_checkpoint_that_was_kept_elsewhere(kept: Log) -> None:
    printed = await kept.seal()
    await kept.rows.execute(
        "SELECT pg_advisory_lock($1)", SEALING
    )  # or what comes late would take the place of the tail
    for statement in (
        "DELETE FROM audit_events USING audit_links AS l WHERE l.event_id = audit_events.id AND l.seq > 2",
        "DELETE FROM audit_links WHERE seq > 2",
    ):
        await kept.forge(statement)
    assert await kept.found() == ["tail_cut"]
    await kept.forge("DELETE FROM audit_checkpoints")
    assert await kept.found() == []  # only the database vouched for it
    assert await kept.found(printed) == ["tail_cut"]


async def test_a158_a_tail_that_was_cut_and_grew_again_is_found(kept: Log) -> None:
    printed = await kept.seal()
    await kept.forge("DELETE FROM audit_events")
    await kept.forge("DELETE FROM audit_links")
    await kept.forge("DELETE FROM audit_checkpoints")
    trail = kept.trail(size=100)
    with trail.record() as record:
        for _ in range(50):
            audit.note(Event.SIGNED_IN)
        await trail.write(record)
    await kept.seal()
    assert await kept.found() == []
    assert await kept.found(printed) == ["chain_replaced"]


async def test_a158_an_emptied_log_without_its_key_is_found(kept: Log) -> None:
    await kept.forge("DELETE FROM audit_keys WHERE user_id IS NULL")
    assert await kept.found() == ["key_removed"]


async def test_a_log_in_which_nothing_ever_happened_is_whole(log: Log) -> None:
    await log.forge("DELETE FROM audit_keys WHERE user_id IS NULL")
    for table in APPEND_ONLY:
        await log.rows.execute(f"SET session_replication_role = replica; DELETE FROM {table}")  # noqa: S608  ours
    assert (await log.verify()).findings == ()


async def test_a158_a_checkpoint_that_somebody_else_made_vouches_for_nothing(kept: Log) -> None:
    """Neither one under the right key of signatures and a wrong key of the house, nor the other way round."""
    tokens, issuer = kept.world.app.state.house.tokens, kept.settings.tokens.issuer
    newest = await kept.rows.fetchrow("SELECT seq, link FROM audit_links ORDER BY seq DESC LIMIT 1")
    assert newest
    said = Checkpoint(newest["seq"], newest["link"], datetime.now(UTC), pruned_before=datetime.now(UTC))
    stranger = Checkpoints(issuer, Proofs(AuditKey.new(HOUSE_ID))).mint(said, key=tokens.keys.access)
    assert await kept.found(stranger) == ["checkpoint_forged"]
    printed = await kept.seal()
    head, body, signature = printed.split(".")
    changed = "AAAA" + signature[4:]
    assert await kept.found(f"{head}.{body}.{changed}") == ["checkpoint_forged"]
    assert await kept.found(
        ada_token := tokens.mint_access(
            user_id=HOUSE_ID, session_id=HOUSE_ID, auth_time=datetime.now(UTC), acr="x", amr=("pwd",)
        ).token
    ) == ["checkpoint_forged"], ada_token


async def test_a_checkpoint_from_before_the_service_moved_is_still_its_own(kept: Log) -> None:
    house, key = await kept.keys().house(), kept.world.app.state.house.tokens.keys.access
    newest = await kept.rows.fetchrow("SELECT seq, link FROM audit_links ORDER BY seq DESC LIMIT 1")
    assert newest
    said = Checkpoint(newest["seq"], newest["link"], datetime.now(UTC))
    token = Checkpoints("https://id.before.example", Proofs(house)).mint(said, key=key)
    report = await kept.verify(token)
    assert (report.findings, report.outside) == ((), 1)


async def test_a_checkpoint_is_ours_also_when_the_key_that_signed_it_is_no_longer_kept(kept: Log) -> None:
    issuer, house = kept.settings.tokens.issuer, await kept.keys().house()
    newest = await kept.rows.fetchrow("SELECT seq, link FROM audit_links ORDER BY seq DESC LIMIT 1")
    assert newest
    said = Checkpoint(newest["seq"], newest["link"], datetime.now(UTC))
    token = Checkpoints(issuer, Proofs(house)).mint(said, key=SigningKey.new())
    report = await kept.verify(token)
    assert (report.findings, report.outside) == ((), 1)


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_a158_the_owner_is_refused_too_by_the_triggers(kept: Log, table: str) -> None:
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"UPDATE {table} SET {_column(table)}"):  # noqa: S608
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await kept.rows.execute(statement)


async def test_a158_the_owner_is_refused_in_every_month(kept: Log) -> None:
    partitions = await kept.rows.fetch("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
    assert len(partitions) == 2 * (24 + 1)
    for row in partitions:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await kept.rows.execute(f"TRUNCATE {row['relname']}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await kept.rows.execute("DELETE FROM audit_keys WHERE user_id IS NULL")


def _column(table: str) -> str:
    return {"audit_events": "event = 'x'", "audit_links": "seq = seq", "audit_checkpoints": "seq = seq"}[table]


async def test_a158_the_services_role_may_only_add(kept: Log, service_role: asyncpg.Connection) -> None:
    month = f"audit_events_{datetime.now(UTC):%Y%m}"
    for table in (*APPEND_ONLY, month):
        for statement in (
            f"UPDATE {table} SET {_column('audit_events' if table == month else table)}",  # noqa: S608  ours
            f"DELETE FROM {table}",  # noqa: S608  ours
            f"TRUNCATE {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service_role.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service_role.execute("SET session_replication_role = replica")
    assert await kept.found() == []


async def test_a158_the_services_role_may_not_say_when_it_wrote(service_role: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service_role.execute(
            "INSERT INTO audit_events (id, written_at, at, event, facts, mac) VALUES "
            "(gen_random_uuid(), '2020-01-01', now(), 'x', '{}', '')"
        )


async def test_the_services_role_can_do_what_the_service_does(service_role: asyncpg.Connection) -> None:
    tables = await service_role.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    for row in tables:
        await service_role.fetch(f"SELECT * FROM {row['relname']} LIMIT 1")  # noqa: S608  the schema's own
        needed = "INSERT, UPDATE, DELETE"
        owner_only = row["relname"] in {*APPEND_ONLY, "alembic_version"}
        if row["relname"] == "audit_keys":  # they go with their users, and are re-sealed by the owner
            needed, owner_only = "UPDATE, DELETE", True
        has = await service_role.fetchval("SELECT has_table_privilege($1, $2)", row["relname"], needed)
        assert has is not owner_only, row["relname"]
    await service_role.execute(
        "INSERT INTO audit_events (id, at, event, facts, mac) VALUES (gen_random_uuid(), now(), 'x', '{}', '')"
    )


async def test_a_role_that_is_not_there_is_refused(log: Log) -> None:
    with pytest.raises(UnknownRole):
        await grant(log.settings.database, 'nobody"; DROP TABLE users; --')


async def test_months_that_are_too_old_are_dropped_up_to_a_checkpoint_and_the_rest_verifies(kept: Log) -> None:
    await age(kept, 15)
    old = len(await kept.events())
    await (await kept.world.signed_up()).login()
    await kept.seal()
    assert await kept.found() == []
    pruned = await pruning(kept)()
    assert (pruned.events, pruned.partitions, pruned.seq) == (old, 2, old)
    report = await kept.verify()
    assert (report.findings, report.pruned, report.events) == ((), old, report.last - old)
    assert report.events >= 3
    again = await pruning(kept)()
    assert (again.events, again.partitions, again.seq) == (0, 0, None)


async def test_what_is_removed_after_the_gap_is_found_all_the_same(kept: Log) -> None:
    await age(kept, 15)
    await (await kept.world.signed_up()).login()
    await kept.seal()
    await pruning(kept)()
    await kept.forge("DELETE FROM audit_events WHERE event = 'sign_in.completed'")
    assert set(await kept.found()) == {"row_removed"}
    await kept.forge("DELETE FROM audit_checkpoints")
    assert await kept.found() != []


async def test_a_month_with_a_row_that_is_in_no_link_is_not_dropped(kept: Log) -> None:
    await age(kept, 15)
    await (await kept.world.signed_up()).login()
    await kept.seal()
    await (await kept.world.signed_up()).login()
    row = await kept.named("sign_in.completed")
    await kept.forge("UPDATE audit_events SET written_at = now() - interval '15 months' WHERE id = $1", row["id"])
    before = len(await kept.events())
    with pytest.raises(Unsealed):
        await pruning(kept)()
    assert len(await kept.events()) == before


async def test_two_sealers_at_once_make_one_chain_without_a_gap(log: Log) -> None:
    ada = await log.world.signed_up()
    sealers = [log.sealer() for _ in range(4)]

    async def sealing() -> None:
        for _ in range(10):
            await asyncio.gather(*(sealer.seal() for sealer in sealers))

    await asyncio.gather(sealing(), *(ada.login() for _ in range(8)))
    await log.seal()
    events = len(await log.events())
    assert await log.rows.fetchval("SELECT count(DISTINCT event_id) FROM audit_links") == events
    report = await log.verify()
    assert (report.findings, report.last) == ((), events)


async def test_a_sealer_that_died_in_its_round_leaves_no_half_of_it_and_the_next_goes_on(log: Log) -> None:
    """Its transaction ends with its connection, as by kill -9; the lock goes with it."""
    ada = await log.world.signed_up()
    await ada.login()
    dying = await postgres.connect(log.url)
    await dying.execute("SET session_replication_role = replica; BEGIN; SELECT pg_advisory_xact_lock(1734440051)")
    await dying.execute(
        "INSERT INTO audit_links (seq, event_id, event_at, event_mac, link) SELECT 1000, id, written_at, mac, mac "
        "FROM audit_events LIMIT 1"
    )
    await log.sealer().seal()
    sealed = await log.rows.fetchval("SELECT count(*) FROM audit_links")
    pid = dying.get_server_pid()
    await log.rows.execute("SELECT pg_terminate_backend($1)", pid)
    await log.seal()
    report = await log.verify()
    assert sealed <= report.last
    assert (report.findings, report.last) == ((), len(await log.events()))
