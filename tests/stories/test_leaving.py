"""Somebody deletes their own account: with a fresh proof, at once, for good; a mail says so and nothing else is left."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from app.crypto.chance import new_id
from app.flows.operator import Operator
from app.store import held
from app.store.tables import metadata
from tests import postgres
from tests.ring import hearing
from tests.world import Person, World

LATELY = """INSERT INTO email_undos (id, user_id, credential_version, email, email_folded, digest, created_at, expires_at)
    SELECT $1, id, credential_version, $2, $2, '\\x01', now(), $3 FROM users WHERE email = $4"""
WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'DELETE FROM users%'"""


async def signed_in(world: World) -> Person:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada


async def leave(person: Person) -> None:
    gone = await person.call("DELETE", "/me")
    assert gone.status_code == 204, gone.text


async def farewells(world: World, address: str) -> int:
    """How many mails told of the deletion, once one came."""
    for _ in range(500):
        if found := [entry for entry in world.inbox(address) if "was deleted" in entry.text]:
            return len(found)
        await asyncio.sleep(0.01)
    return 0


async def rows_that_name(sweeper: asyncpg.Connection, *needles: str) -> list[str]:
    """Tables with a row that holds one of *needles*, in any column; the audit log is a story of its own."""
    found = []
    for name in metadata.tables:
        if name.startswith("audit_"):
            continue
        for row in await sweeper.fetch(f"SELECT * FROM {name}"):  # noqa: S608  our own names
            found += [name] if any(needle in str(value) for needle in needles for value in row.values()) else []
    return found


async def waits(database_url: str) -> None:
    """Until a deletion waits for somebody. On another connection: within a transaction the view stands still."""
    watcher = await postgres.connect(database_url)
    for _ in range(500):
        if await watcher.fetchval(WAITING):
            break
        await asyncio.sleep(0.01)
    await watcher.close()


async def test_nothing_is_left_but_the_cut_off_and_the_mail_that_says_so(
    world: World, sweeper: asyncpg.Connection
) -> None:
    ada = await world.with_phone()
    await ada.enrol_app()
    await ada.login(factor="sms")
    await ada.call("POST", "/password/forgot", {"email": ada.email}, token="")
    await world.message(ada.email, "reset")
    again = world.person()
    again.email = ada.email
    await again.register()
    me = (await ada.call("GET", "/me")).json()["id"]

    with hearing() as lines:
        await leave(ada)

    assert (await ada.call("GET", "/session")).status_code == 401
    assert await farewells(world, ada.email) == 1
    assert set(await rows_that_name(sweeper, me, ada.email, ada.phone)) <= {"cut_offs", "outbox"}
    assert await sweeper.fetchval("SELECT count(*) FROM sends WHERE user_id IS NULL") > 0
    (event,) = [line for line in lines if line["event"] == "user.deleted"]
    assert (event["user_id"], event["reason"]) == (me, "by its owner")
    assert ada.email not in str(lines)


async def test_the_mail_is_written_with_the_deletion_or_not_at_all(world: World, sweeper: asyncpg.Connection) -> None:
    """Law 3: whatever stops the one stops the other."""
    ada = await signed_in(world)
    await sweeper.execute("CREATE FUNCTION no() RETURNS trigger AS $$ BEGIN RAISE 'no'; END $$ LANGUAGE plpgsql")
    await sweeper.execute("CREATE TRIGGER no BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION no()")
    try:
        assert (await ada.call("DELETE", "/me")).status_code == 500
    finally:
        await sweeper.execute("DROP FUNCTION no CASCADE")
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 1
    assert await sweeper.fetchval("SELECT count(*) FROM cut_offs") == 0
    assert (await ada.call("GET", "/me")).status_code == 200


async def test_it_wants_a_fresh_proof_with_a_factor(world: World, sweeper: asyncpg.Connection) -> None:
    ada = await world.with_phone()
    world.clock.forward(timedelta(minutes=5, seconds=1))
    refused = await ada.call("DELETE", "/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "step_up_required")
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 1
    await ada.call("POST", "/step-up/challenge", {"factor": "sms"})
    await ada.step_up(ada.code("step_up"), "sms")
    await leave(ada)


async def test_a_password_alone_deletes_nobody_who_has_a_factor(world: World) -> None:
    ada = await world.with_app()
    await ada.login(code=ada.app_code(), remember_device=True)
    trusted = await ada.login(device_token=ada.device_token)
    assert trusted.json()["status"] == "authenticated"
    assert (await ada.call("DELETE", "/me")).json()["code"] == "step_up_required"


async def test_whatever_was_opened_elsewhere_is_over_too(world: World) -> None:
    ada = await world.with_phone()
    tablet = Person(world, email=ada.email, phone=ada.phone)
    await tablet.sign_in()
    waiting = Person(world, email=ada.email, phone=ada.phone)
    await waiting.login()
    code = ada.code("sign_in")

    await leave(ada)
    await world.app.state.house.revocations.read()

    assert (await tablet.call("GET", "/session")).status_code == 401
    assert (await tablet.refresh()).json()["code"] == "invalid_refresh_token"
    assert (await waiting.verify(code)).status_code in {401, 404}
    assert (await ada.refresh()).json()["code"] == "invalid_refresh_token"
    assert (await ada.login()).json()["code"] == "invalid_credentials"


async def test_a_session_that_was_ended_on_another_replica_deletes_nobody(
    world: World, sweeper: asyncpg.Connection
) -> None:
    """Within the second in which this one does not know it yet: what cannot be undone asks the row."""
    ada = await signed_in(world)
    await sweeper.execute("UPDATE sessions SET ended_at = now() - interval '1 hour', end_reason = 'logout'")
    refused = await ada.call("DELETE", "/me")
    assert (refused.status_code, refused.json()["detail"]) == (401, "The session has ended.")
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 1


async def test_a_second_time_there_is_nobody(world: World) -> None:
    ada = await signed_in(world)
    await leave(ada)
    assert (await ada.call("DELETE", "/me")).status_code == 401


async def test_nobody_else_is_touched(world: World) -> None:
    ada, bob = await signed_in(world), await world.with_phone()
    await leave(ada)
    await world.app.state.house.revocations.read()
    assert (await bob.call("GET", "/me")).json()["mfa_enabled"] is True
    assert (await bob.refresh()).status_code == 200


async def test_the_cookie_goes_with_the_account(world: World) -> None:
    ada = await world.signed_up()
    await ada.login(cookie=True)
    headers = {"Authorization": f"Bearer {ada.access_token}", "Cookie": "__Host-gatehouse-refresh=x"}
    gone = await world.client.request("DELETE", "/me", headers=headers)
    assert gone.status_code == 204
    assert "Max-Age=0" in gone.headers["set-cookie"]


async def test_whoever_left_may_sign_up_anew_and_is_somebody_else(world: World) -> None:
    ada = await signed_in(world)
    before = (await ada.call("GET", "/me")).json()["id"]
    await leave(ada)
    world.clock.forward(timedelta(minutes=2))
    world.app.state.house.inbox.clear()
    await ada.sign_up()
    await ada.sign_in()
    assert (await ada.call("GET", "/me")).json()["id"] != before


async def test_a_sign_up_that_waited_under_the_address_is_gone_whoever_deletes(world: World) -> None:
    """Its code could bring the address back an hour after its owner had it deleted."""
    operator = Operator(world.app.state.house.database)
    for by_operator in (False, True):
        ada = await signed_in(world)
        again = world.person()
        again.email = ada.email
        registration = await again.register()
        me = (await ada.call("GET", "/me")).json()["id"]
        await (operator.delete(me) if by_operator else leave(ada))
        code = {"registration_id": registration, "code": "123456"}
        assert (await again.call("POST", "/verify-email", code)).status_code == 400
        async with world.app.state.house.database.read() as tx:
            assert await held.of_user(tx, "registrations", me, fields=("email",)) == []


async def test_an_address_that_was_left_lately_is_told_as_well(world: World, sweeper: asyncpg.Connection) -> None:
    """Whoever took the account over could change the address first, and have only themselves told."""
    ada = await signed_in(world)
    victim, until = "victim@example.test", world.clock.now() + timedelta(hours=72)
    await sweeper.execute(LATELY, new_id(world.clock.now()), victim, until, ada.email)
    await leave(ada)
    assert [await farewells(world, address) for address in (victim, ada.email)] == [1, 1]


@pytest.mark.parametrize("change", ["credential_version = credential_version + 1", "active = false"])
async def test_whoever_changed_meanwhile_is_asked_anew(
    world: World, sweeper: asyncpg.Connection, service_database: str, change: str
) -> None:
    """The deletion waits for the change, and then finds another user than the one that was looked at (law 2)."""
    ada = await signed_in(world)
    async with sweeper.transaction():
        await sweeper.execute(f"UPDATE users SET {change}")  # noqa: S608  our own words
        leaving = asyncio.create_task(ada.call("DELETE", "/me"))
        await waits(service_database)
    refused = await leaving
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert await sweeper.fetchval("SELECT count(*) FROM users") == 1
    assert await sweeper.fetchval("SELECT count(*) FROM cut_offs") == 0
    assert not [entry for entry in world.inbox(ada.email) if "was deleted" in entry.text]
