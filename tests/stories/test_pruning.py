"""What is over leaves when its time has come, to the second; what is alive stays, whoever prunes beside whom."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import asyncpg as dialect

from app.crypto.chance import new_id
from app.flows.prune import Prune, Pruning, ages
from app.settings import Settings
from app.store import prune
from app.store.database import Database
from app.store.prune import Ago
from tests import postgres
from tests.ring import hearing
from tests.standins.clock import ManualClock
from tests.world import World, settings_for

DIALECT: Dialect = dialect.dialect()  # type: ignore[no-untyped-call]
LIVE = timedelta(seconds=2)
"""On either side of the border; the database's own time goes on meanwhile."""
ROWS = {
    "challenges": "INSERT INTO challenges (id, user_id, purpose, credential_version, created_at, expires_at) VALUES ($1, $2, 'sign_in', 1, $3, $3)",
    "unconfirmed factors": "INSERT INTO enrollments (id, user_id, kind, state, created_at) VALUES ($1, $2, 'sms', '', $3)",
    "registrations": "INSERT INTO registrations (id, email, email_folded, password_hash, locale, created_at, expires_at) VALUES ($1, $2::uuid::text, '', '', 'en', $3, $3)",
    "password resets": "INSERT INTO resets (digest, user_id, credential_version, expires_at) VALUES (uuid_send($1), $2, 1, $3)",
    "e-mail changes": "INSERT INTO email_changes (id, user_id, credential_version, email, email_folded, created_at, expires_at) VALUES ($1, $2, 1, '', '', $3, $3)",
    "e-mail undos": "INSERT INTO email_undos (id, user_id, credential_version, email, email_folded, digest, created_at, expires_at) VALUES ($1, $2, 1, '', '', uuid_send($1), $3, $3)",
    "ended sessions": "INSERT INTO sessions (id, user_id, credential_version, key_id, amr, acr, auth_time, created_at, rotated_at, expires_at, ended_at, end_reason) VALUES ($1, $2, 1, '', '{}', '', $3, $3, $3, 'infinity', $3, 'logout')",
    "expired sessions": "INSERT INTO sessions (id, user_id, credential_version, key_id, amr, acr, auth_time, created_at, rotated_at, expires_at) VALUES ($1, $2, 1, '', '{}', '', $3, $3, $3, $3)",
    "devices": "INSERT INTO devices (id, user_id, credential_version, digest, key_id, network, agent, created_at, seen_at) VALUES ($1, $2, 1, uuid_send($1), '', '', '', $3, $3)",
    "cut-offs": "INSERT INTO cut_offs (user_id, at) SELECT $1, $3 WHERE $2::uuid IS NOT NULL",
    "cool-downs": "INSERT INTO cooldowns (user_id, kind, sends, next_at) VALUES ($2, $1::uuid::text, 1, $3)",
    "throttles": "INSERT INTO throttles (key, streak, free_at) SELECT uuid_send($1), 9, $3 WHERE $2::uuid IS NOT NULL",
    "limits": "INSERT INTO limits (key, full_at) SELECT uuid_send($1), $3 WHERE $2::uuid IS NOT NULL",
    "limits of networks": "INSERT INTO network_limits (key, full_at) SELECT uuid_send($1), $3 WHERE $2::uuid IS NOT NULL",
    "receipt nonces": "WITH one AS (INSERT INTO sends (id, user_id, purpose, region, confirmed, number_index, prefix_index, network_index, delivery, created_at) VALUES ($1, $2, 'sign_in', 'US', true, '', '', '', 'sent', 'infinity') RETURNING id) INSERT INTO receipt_nonces (digest, send_id, used_at) SELECT uuid_send($1), id, $3 FROM one",
    "SMS": "INSERT INTO sends (id, user_id, purpose, region, confirmed, number_index, prefix_index, network_index, delivery, created_at) VALUES ($1, $2, 'sign_in', 'US', true, '', '', '', 'sent', $3)",
    "SMS blocks": "INSERT INTO sms_blocks (key, label, reason, until, created_at) SELECT uuid_send($1), 'JM', '', $3, 'yesterday' WHERE $2::uuid IS NOT NULL",
    "unsent notices": "INSERT INTO outbox (id, recipient, template, locale, created_at, due_at) SELECT $1, '', '', '', $3, 'infinity' WHERE $2::uuid IS NOT NULL",
}
"""A row of each sort that is over, or began, at $3; $1 is its own id, $2 its user's."""
INDEXES = {
    "challenges": "challenges_expires_ix",
    "unconfirmed factors": "enrollments_unconfirmed_ix",
    "registrations": "registrations_expires_ix",
    "password resets": "resets_expires_at_ix",
    "e-mail changes": "email_changes_expires_at_ix",
    "e-mail undos": "email_undos_expires_at_ix",
    "ended sessions": "sessions_ended_ix",
    "expired sessions": "sessions_expires_ix",
    "devices": "devices_seen_ix",
    "cut-offs": "cut_offs_at_ix",
    "cool-downs": "cooldowns_next_ix",
    "clear budgets": "budgets_clear_ix",
    "throttles": "throttles_free_ix",
    "limits": "limits_full_ix",
    "limits of networks": "network_limits_full_ix",
    "receipt nonces": "receipt_nonces_used_at_ix",
    "SMS": "sends_created_ix",
    "SMS blocks": "sms_blocks_until_ix",
    "unsent notices": "outbox_created_ix",
}
USER = (
    "INSERT INTO users (id, email, email_folded, password_hash, locale, created_at) VALUES ($1, $2, $2, '', 'en', $3)"
)


@dataclass(frozen=True)
class House:
    """A database with what is over and what is not, and somebody who prunes it."""

    prune: Prune
    rows: asyncpg.Connection

    async def user(self) -> Any:
        at = datetime.now(UTC)
        user = new_id(at)
        await self.rows.execute(USER, user, f"{secrets.token_hex(5)}@example.test", at)
        return user

    async def add(self, name: str, ago: timedelta, *, user: Any = None) -> Any:
        """A row that was over so long ago; its id."""
        row = new_id(datetime.now(UTC))
        await self.rows.execute(ROWS[name], row, user or await self.user(), self.prune.clock.now() - ago)
        return row

    async def fill(self, name: str, many: int = 500) -> None:
        """As many rows that are alive, each somebody's, and what the planner knows of them."""
        at = self.prune.clock.now() + LIVE
        ids = [(new_id(at), new_id(at)) for _ in range(many)]
        await self.rows.executemany(USER, [(user, f"{user}@example.test", at) for _, user in ids])
        insert = ROWS.get(name, "INSERT INTO budgets SELECT $2, $1::uuid::text, 1, $3")
        await self.rows.executemany(insert, [(row, user, at) for row, user in ids])
        await self.rows.execute(f"ANALYZE {prune.OVER[name].table.name}")

    async def left(self, name: str) -> int:
        query = f"SELECT count(*) FROM {prune.OVER[name].table.name}"  # noqa: S608  our own names
        found: int = await self.rows.fetchval(query)
        return found


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_for(database_url, tmp_path)


@pytest.fixture
async def house(settings: Settings, sweeper: asyncpg.Connection) -> AsyncIterator[House]:
    database = Database(settings.database)
    yield House(Prune(ages(settings), database, ManualClock(datetime.now(UTC))), sweeper)
    await database.close()


def test_each_sort_has_its_age_a_row_here_and_an_index(settings: Settings) -> None:
    assert {*prune.OVER} == {*ages(settings)} == {*INDEXES} == {*ROWS, "clear budgets"}


@pytest.mark.parametrize("name", ROWS)
async def test_what_is_over_leaves_at_its_border_and_not_before(house: House, name: str) -> None:
    age = house.prune.ages[name]
    kept = await house.add(name, age - LIVE)
    await house.add(name, age + LIVE)

    found, gone = await house.prune.look(), await house.prune()

    assert found == gone == {**dict.fromkeys(prune.OVER, 0), name: 1}
    assert await house.left(name) == 1
    assert (await house.prune())[name] == 0
    texts = await house.rows.fetch(f"SELECT * FROM {prune.OVER[name].table.name}")  # noqa: S608  our own names
    assert kept.hex in str(texts).replace("-", "") or kept.bytes in texts[0].values()


async def test_only_a_clear_budget_leaves(house: House) -> None:
    """One wrong answer, however long ago, still counts; so does a lock, though it is over."""
    user, past = await house.user(), datetime.now(UTC) - timedelta(days=900)
    for kind, streak, until in (("clear", 0, None), ("wrong", 1, None), ("locked", 10, past), ("ended", 0, past)):
        await house.rows.execute("INSERT INTO budgets VALUES ($1, $2, $3, $4)", user, kind, streak, until)
    assert (await house.prune())["clear budgets"] == 1
    left = await house.rows.fetch("SELECT kind FROM budgets ORDER BY kind")
    assert [row["kind"] for row in left] == ["ended", "locked", "wrong"]


async def test_a_device_stays_while_it_is_trusted_or_somebody_sits_at_it(house: House) -> None:
    age, now = house.prune.ages["devices"], house.prune.clock.now()
    user = await house.user()
    trusted, used, unused = [await house.add("devices", age + LIVE, user=user) for _ in range(3)]
    await house.rows.execute("UPDATE devices SET trusted_until = $2 WHERE id = $1", trusted, now + LIVE)
    session = await house.add("expired sessions", -LIVE, user=user)
    await house.rows.execute("UPDATE sessions SET device_id = $2 WHERE id = $1", session, used)
    assert (await house.prune())["devices"] == 1
    assert {row["id"] for row in await house.rows.fetch("SELECT id FROM devices")} == {trusted, used}
    assert unused not in {trusted, used}
    await house.rows.execute("UPDATE sessions SET ended_at = now(), end_reason = 'logout'")
    assert (await house.prune())["devices"] == 1


async def test_a_confirmed_factor_never_leaves(house: House) -> None:
    """Law 10."""
    await house.add("unconfirmed factors", timedelta(days=9000))
    await house.rows.execute("UPDATE enrollments SET confirmed_at = created_at")
    assert sum((await house.prune()).values()) == 0


@pytest.mark.parametrize("name", INDEXES)
async def test_each_sort_is_found_by_its_index(house: House, name: str) -> None:
    """Of the statement that deletes; nothing reads a whole table. A planner that sees a few rows may take any index."""
    await house.fill(name)
    ago = Ago(house.prune.clock.now() - house.prune.ages[name], house.prune.ages[name])
    compiled = prune.deleting(name, ago).compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
    async with house.rows.transaction():
        await house.rows.execute("SET LOCAL enable_seqscan = off")
        (plan,) = json.loads(await house.rows.fetchval(f"EXPLAIN (FORMAT JSON) {compiled}"))
    nodes = list(walk(plan["Plan"]))
    assert INDEXES[name] in {node.get("Index Name") for node in nodes}
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    own = next(node for node in nodes if node.get("Index Name") == INDEXES[name])
    assert name == "clear budgets" or "<" in own["Index Cond"]


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node.get("Plans", ()) for below in walk(child))]


async def test_a_full_table_is_read_by_the_index_without_being_told_to(house: House) -> None:
    await house.rows.execute(CROWD, 20_000, house.prune.clock.now())
    await house.rows.execute("ANALYZE throttles")
    ago = Ago(house.prune.clock.now() - timedelta(seconds=19_950), timedelta(0))
    compiled = prune.deleting("throttles", ago).compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
    (plan,) = json.loads(await house.rows.fetchval(f"EXPLAIN (FORMAT JSON) {compiled}"))
    assert "throttles_free_ix" in {node.get("Index Name") for node in walk(plan["Plan"])}
    assert not [node for node in walk(plan["Plan"]) if node["Node Type"] == "Seq Scan"]


CROWD = """INSERT INTO throttles (key, streak, free_at)
    SELECT int4send(n), 1, $2::timestamptz - n * interval '1 s' FROM generate_series(1, $1::int) AS n"""


async def test_thousands_leave_in_batches_each_in_a_transaction_of_its_own(house: House) -> None:
    await house.rows.execute(CROWD, 2500, house.prune.clock.now() - timedelta(days=2))
    await house.rows.execute("""CREATE FUNCTION tell() RETURNS trigger AS $$ BEGIN
        INSERT INTO told SELECT pg_current_xact_id()::text, count(*) FROM gone; RETURN NULL; END $$ LANGUAGE plpgsql""")
    await house.rows.execute("CREATE TABLE told (xact text, rows int)")
    await house.rows.execute("""CREATE TRIGGER tell AFTER DELETE ON throttles REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION tell()""")
    try:
        assert (await house.prune())["throttles"] == 2500
        told = await house.rows.fetch("SELECT xact, rows FROM told")
    finally:
        await house.rows.execute("DROP TABLE told; DROP FUNCTION tell CASCADE")
    assert sorted(row["rows"] for row in told) == [500, 1000, 1000]
    assert len({row["xact"] for row in told}) == 3


async def test_what_somebody_holds_is_passed_over_and_not_waited_for(house: House) -> None:
    age = house.prune.ages["expired sessions"]
    held, _ = [await house.add("expired sessions", age + LIVE) for _ in range(2)]
    async with house.rows.transaction():
        await house.rows.execute("UPDATE sessions SET expires_at = $2 WHERE id = $1", held, datetime.now(UTC) + LIVE)
        gone = await asyncio.wait_for(house.prune(), 5)
    assert gone["expired sessions"] == 1
    assert [row["id"] for row in await house.rows.fetch("SELECT id FROM sessions")] == [held]
    assert (await house.prune())["expired sessions"] == 0, "it came alive meanwhile"


async def test_one_prunes_at_a_time_and_the_next_one_leaves_it_to_the_first(house: House) -> None:
    await house.add("throttles", timedelta(days=9))
    async with house.prune.database.begin() as first:
        assert await prune.begin(first, wait=False)
        assert sum((await house.prune(wait=False)).values()) == 0
        waiting = asyncio.create_task(house.prune())
        await asyncio.sleep(0.1)
        assert not waiting.done(), "an operator's verb waits for its turn"
    assert (await waiting)["throttles"] == 1


async def test_the_job_beside_the_requests_prunes_and_says_what(house: House) -> None:
    await house.add("throttles", timedelta(days=9))
    await house.add("limits", timedelta(days=9))
    with hearing() as lines:
        job = asyncio.create_task(Pruning(timedelta(milliseconds=20), house.prune).run())
        for _ in range(300):
            if await house.left("throttles") + await house.left("limits") == 0:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
    said = [line["event"] for line in lines if line["event"].startswith("pruned")]
    assert said == ["pruned: 1 throttles, 1 limits"]


async def test_a_job_whose_database_is_gone_tries_again(settings: Settings) -> None:
    gone = Database(postgres.settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"))
    job = asyncio.create_task(Pruning(timedelta(milliseconds=20), Prune(ages(settings), gone, ManualClock())).run())
    await asyncio.sleep(0.2)
    assert not job.done()
    assert gone.failures.total() > 1
    job.cancel()
    with suppress(asyncio.CancelledError):
        await job
    await gone.close()


def pruning(world: World, settings: Settings) -> Prune:
    return Prune(ages(settings), world.app.state.house.database, world.clock)


async def test_a_streak_of_wrong_passwords_outlives_a_pruning(world: World, settings: Settings) -> None:
    """The throttle forgets after a day; whoever comes back an hour earlier goes on where they were."""
    ada = await world.signed_up()
    right, ada.password = ada.password, "wrong horse battery staple"
    for _ in range(4):
        assert (await ada.login()).status_code == 401
    world.clock.forward(timedelta(hours=23))
    await pruning(world, settings)()
    assert (await ada.login()).status_code == 401
    assert (await ada.login()).json()["code"] == "rate_limited"
    world.clock.forward(timedelta(days=2))
    await pruning(world, settings)()
    ada.password = right
    assert (await ada.login()).status_code == 200


async def test_sessions_that_go_on_are_refreshed_while_others_are_pruned(world: World, settings: Settings) -> None:
    """For a month, day by day, under a pruning that never stops: nobody who is alive is signed out."""
    ada = await world.with_phone()
    await ada.sign_in()
    crowd = [ada, *[await world.signed_up() for _ in range(2)]]
    for person in crowd[1:]:
        await person.sign_in()
    stop = asyncio.Event()

    async def forever() -> None:
        while not stop.is_set():
            await pruning(world, settings)()
            await asyncio.sleep(0)

    job = asyncio.create_task(forever())
    for _ in range(29):
        world.clock.forward(timedelta(days=1))
        for person, answer in zip(crowd, await asyncio.gather(*(one.refresh() for one in crowd)), strict=True):
            assert answer.status_code == 200
            person.keep(answer.json())
    stop.set()
    await job
    assert (await ada.call("GET", "/me")).json()["mfa_enabled"] is True
    assert (await ada.login()).json()["status"] == "mfa_required"
