"""Turning the ring while rows are held, changed, unreadable or doubtful: nothing is overwritten, and everything fails closed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from app.crypto.keys import new_secret_key
from app.flows.keys import KeysUnreadable
from app.store import enrollments, reseal
from app.store.database import Database
from app.store.reseal import Renewed
from tests import postgres
from tests.ring import Ring, elsewhere, hearing, place, vault
from tests.standins.clock import ManualClock
from tests.world import KEY as OLD
from tests.world import settings_for

NEW = new_secret_key()


@pytest.fixture
async def ring(database_url: str, sweeper: asyncpg.Connection, tmp_path: Path) -> AsyncIterator[Ring]:
    database = Database(settings_for(database_url, tmp_path).database)
    yield Ring(database_url, tmp_path, database, sweeper)
    await database.close()


async def test_a_row_that_somebody_holds_is_waited_for_by_nobody_and_taken_afterwards(ring: Ring) -> None:
    held, *others = await ring.crowd(5, key=OLD)
    changed = vault(OLD).seal(b'{"phone":"+13035559999","region":"US"}', place=place(held))
    holder = await postgres.connect(ring.url)
    holding = holder.transaction()
    await holding.start()
    await holder.execute("UPDATE enrollments SET state = $2, version = version + 1 WHERE id = $1", held, changed)

    turn = asyncio.create_task(ring.turn(NEW, OLD))
    async with asyncio.timeout(20):
        while (await ring.under(NEW))["enrollments"] < len(others):  # noqa: ASYNC110  the database has no event for it
            await asyncio.sleep(0.05)
    assert not turn.done()
    await holding.commit()
    await holder.close()

    report = await turn
    assert report.complete
    assert report.enrollments.resealed == 5
    (row,) = await ring.rows.fetch("SELECT state, version, unique_index FROM enrollments WHERE id = $1", held)
    state, version, index = row
    assert b"+13035559999" in vault(NEW).open(state, place=place(held))
    assert version == 2  # the change's, not the turn's: an answer under judgement compares it
    assert index == vault(NEW).index("+13035559999", of="sms")


async def test_a_row_that_stays_locked_is_reported_and_the_signing_keys_wait_for_it(ring: Ring) -> None:
    async with ring.serving(OLD):
        pass
    held, *_ = await ring.crowd(3, key=OLD)
    holder = await postgres.connect(ring.url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM enrollments WHERE id = $1 FOR UPDATE", held)
        report = await ring.turn(NEW, OLD)
    await holder.close()
    assert not report.complete
    assert (report.enrollments.resealed, report.enrollments.left, report.signing_keys.left) == (2, 1, 4)
    assert (await ring.turn(NEW, OLD)).complete


async def test_a_change_between_reading_and_writing_is_never_overwritten(ring: Ring) -> None:
    (row,) = await ring.crowd(1, key=OLD)
    async with ring.database.read() as tx:
        (read,) = await reseal.next_batch(tx, head=vault(NEW).head, after=UUID(int=0), most=10)
    changed = vault(NEW).seal(b'{"phone":"+13035559999","region":"US"}', place=place(row))
    await ring.rows.execute("UPDATE enrollments SET state = $2 WHERE id = $1", row, changed)
    async with ring.database.begin() as tx:
        late = Renewed(row, old=read.enrollment.state, state=b"late", unique_index=None)
        assert await reseal.renew(tx, [late]) == reseal.Outcome()
    assert (await ring.states())[row] == changed


async def test_what_no_key_of_the_ring_opens_is_named_left_alone_and_not_forgotten(ring: Ring) -> None:
    """A wrong key: the one that sealed is not on the ring."""
    async with ring.serving(OLD):
        pass
    rows = await ring.crowd(3, key=OLD)
    before = await ring.states()
    with hearing() as lines:
        report = await ring.turn(NEW, new_secret_key())
    assert not report.complete
    assert report.enrollments.cannot_open == set(map(str, rows))
    assert len(report.signing_keys.cannot_open) == 4
    assert await ring.states() == before
    named = [line.get("enrollment_id") for line in lines if line["event"] == "vault.cannot_open"]
    assert named == [*sorted(map(str, rows)), *[None] * 5]  # four keys that sign, and the audit log's
    assert (await ring.turn(NEW, OLD)).complete


async def test_without_the_old_key_an_enrolled_phone_never_becomes_no_phone(ring: Ring) -> None:
    """Law 10, with the old key gone too early: even if the service started, no password would be enough."""
    async with ring.serving(OLD) as world:
        ada = await world.with_phone()
    with hearing("vault.") as lines, pytest.raises(KeysUnreadable):
        await ring.keys(NEW)()
    assert [line["event"] for line in lines] == ["vault.cannot_open"] * 4
    with hearing("vault.") as lines:
        keys = ring.keys(NEW)
        for _ in range(3):
            with pytest.raises(KeysUnreadable):
                await keys()
    assert len(lines) == 4, "whoever asks each ten seconds tells of each key once"

    await ring.rows.execute("DELETE FROM signing_keys")
    await ring.rows.execute(
        "SET session_replication_role = replica; DELETE FROM audit_keys; RESET session_replication_role"
    )
    async with ring.serving(NEW) as world:
        ada = elsewhere(ada, world)
        with hearing() as lines:
            answer = (await ada.login()).json()
        assert answer["status"] == "mfa_required"
        assert answer["challenge"] is None
        assert [factor["kind"] for factor in answer["factors"]] == ["sms", "recovery_code"]
        assert any(line["event"] == "vault.cannot_open" for line in lines)
        refused = await ada.verify(ada.code("confirm"))
        assert refused.status_code >= 400
        assert "access_token" not in refused.json()
    assert await ring.rows.fetchval("SELECT count(*) FROM enrollments") == 2  # the recovery codes' row too


async def test_two_replicas_that_write_under_different_keys_do_not_both_give_a_number_away(ring: Ring) -> None:
    """While the ring turns no unique index stops them: the two rows' blind indexes differ."""
    rows = await ring.crowd(2, key=OLD)
    await ring.rows.execute("UPDATE enrollments SET confirmed_at = NULL, unique_index = NULL")
    users = {row["id"]: row["user_id"] for row in await ring.rows.fetch("SELECT id, user_id FROM enrollments")}
    now = ManualClock().now()

    async def claim(row: UUID, *keys: str) -> bool:
        indexes = vault(*keys).indexes("+12025550123", of="sms")
        async with ring.database.begin() as tx:
            waiting = await enrollments.pending(tx, row, user_id=users[row], since=now - timedelta(days=9999))
            assert waiting
            if await enrollments.held_by_another(tx, indexes, user_id=users[row]):
                return False
            await asyncio.sleep(0.2)  # the other one asks now
            await enrollments.confirm(tx, waiting, state=b"", unique_index=indexes[0], at=now)
        return True

    assert sorted(await asyncio.gather(claim(rows[0], OLD, NEW), claim(rows[1], NEW, OLD))) == [False, True]


async def test_a_number_that_two_hold_is_told_and_keeps_the_old_key(ring: Ring) -> None:
    """The old key was gone for a while, its indexes could not be looked up, and somebody else took a number."""
    async with ring.serving(OLD):
        pass
    older = await ring.crowd(5, key=OLD)
    taken = vault(NEW).index("+13035550003", of="sms")
    (newer,) = await ring.crowd(1, key=NEW, first=9000)
    await ring.rows.execute("UPDATE enrollments SET unique_index = $2 WHERE id = $1", newer, taken)
    before = await ring.states()
    state = vault(NEW).seal(b'{"phone":"+13035550003","region":"US"}', place=place(newer))
    await ring.rows.execute("UPDATE enrollments SET state = $2 WHERE id = $1", newer, state)

    report = await ring.turn(NEW, OLD, batch=10)

    assert report.enrollments.resealed == 4
    assert report.enrollments.held_twice == {str(older[3])}
    assert report.signing_keys.left == 4
    assert (await ring.states())[older[3]] == before[older[3]]
    await ring.rows.execute("DELETE FROM enrollments WHERE id = $1", newer)
    assert (await ring.turn(NEW, OLD)).complete


async def test_a_kind_that_is_no_longer_known_is_sealed_anew_unless_its_index_cannot_be_made(ring: Ring) -> None:
    plain, indexed = await ring.crowd(2, key=OLD)
    await ring.rows.execute("UPDATE enrollments SET kind = 'telepathy'")
    await ring.rows.execute("UPDATE enrollments SET unique_index = NULL WHERE id = $1", plain)
    report = await ring.turn(NEW, OLD)
    assert report.enrollments.resealed == 1
    assert report.enrollments.cannot_open == {str(indexed)}
    assert (await ring.under(NEW))["enrollments"] == 1


async def test_an_index_that_stayed_behind_is_made_anew_though_its_state_is_new(ring: Ring) -> None:
    (row,) = await ring.crowd(1, key=NEW)
    await ring.rows.execute("UPDATE enrollments SET unique_index = $1", vault(OLD).index("+13035550000", of="sms"))
    before = await ring.states()
    assert (await ring.turn(NEW, OLD)).enrollments.resealed == 1
    assert await ring.states() == before
    index = await ring.rows.fetchval("SELECT unique_index FROM enrollments WHERE id = $1", row)
    assert index == vault(NEW).index("+13035550000", of="sms")
