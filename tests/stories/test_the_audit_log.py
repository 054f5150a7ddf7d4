"""The audit log: every event is a row before its request is answered, chained a second later, and nobody waits for it."""

import asyncio
import json
from datetime import timedelta

import asyncpg
import pytest

from app.events import Event
from app.store import audit as rows
from app.store.audit import Cursor
from app.watch import audit
from tests import postgres
from tests.audit import Log
from tests.ring import hearing
from tests.statements import CONNECTION, asked

MANY = 50
BROWSER = {"User-Agent": "Mozilla/5.0 (a browser)"}


async def test_an_event_is_written_before_its_request_is_answered(log: Log) -> None:
    ada = await log.world.signed_up()
    answer = await ada.login()
    assert answer.status_code == 200
    row = await log.named("sign_in.completed")
    assert row["request_id"] == answer.headers["x-request-id"]
    assert str(row["session_id"]) == (await ada.call("GET", "/me/sessions")).json()["items"][0]["id"]
    assert json.loads(row["facts"]) == {"acr": "urn:gatehouse:pwd"}
    assert row["at"] == log.world.clock.now()


async def test_what_a_refused_request_noted_is_kept(log: Log) -> None:
    """Its transactions may be undone; that it failed is not."""
    ada = await log.world.signed_up()
    ada.password = "not the password of anybody"
    assert (await ada.login()).status_code == 401
    row = await log.named("password.refused")
    assert row["user_id"] is not None
    body = {"email": "nobody@example.test", "password": ada.password}
    assert (await ada.call("POST", "/login", body)).status_code == 401
    assert (await log.named("password.refused"))["user_id"] is None


async def test_who_asked_is_sealed_for_the_user_and_told_by_the_key_alone(log: Log) -> None:
    ada = await log.world.signed_up()
    log.world.client.headers.update(BROWSER)
    await ada.login()
    row = await log.named("sign_in.completed")
    assert await log.personal(row) == {"network_address": "127.0.0.1", "agent": BROWSER["User-Agent"]}
    assert b"Mozilla" not in row["personal"]
    assert b"127.0.0.1" not in row["personal"]
    other = await log.named("registration.requested")
    assert other["key_id"] != row["key_id"]


async def test_erasing_a_user_leaves_a_chain_that_verifies_and_fields_that_nobody_opens(log: Log) -> None:
    ada, bob = await log.world.signed_up(), await log.world.signed_up()
    await ada.login()
    of_ada = await log.named("sign_in.completed")
    await bob.login()
    of_bob = await log.named("sign_in.completed")
    await log.rows.execute("DELETE FROM users WHERE id = $1", of_ada["user_id"])
    trail = log.trail()
    with trail.record() as record:
        audit.note(Event.USER_DELETED, user_id=of_ada["user_id"])
        await trail.write(record)
    await log.seal()
    assert await log.personal(of_ada) is None
    assert await log.personal(of_bob) is not None
    report = await log.verify()
    assert report.findings == ()
    assert report.events == report.last == len(await log.events())


async def test_a_request_costs_one_insert_and_a_request_without_events_none(log: Log) -> None:
    ada = await log.world.signed_up()
    with asked() as seen:
        await ada.login()
    assert sum("audit_" in one for one in seen) == 1
    assert [one for one in seen if "INSERT INTO audit_events" in one]
    with asked() as seen:
        assert [(await ada.call("GET", "/session")).status_code for _ in range(MANY)] == [200] * MANY
    assert seen == []


async def test_many_events_of_one_request_are_one_insert(log: Log) -> None:
    ada = await log.world.with_phone()
    before = len(await log.events())
    await ada.login()
    with asked() as seen:
        assert (await ada.verify(ada.code("sign_in"))).status_code == 200
    assert sum("audit_events" in one for one in seen) == 1
    assert seen.count(CONNECTION) >= 2
    assert len(await log.events()) > before


async def test_a_refused_sign_in_asks_the_same_whether_the_user_exists_or_not(log: Log) -> None:
    """Law 7, in statements."""
    ada = await log.world.signed_up()
    wrong = {"password": "not the password of anybody"}
    sent = []
    for email in (ada.email, "nobody@example.test"):
        with asked() as seen:
            assert (await ada.call("POST", "/login", {"email": email, **wrong}, token="")).status_code == 401
        sent.append([one for one in seen if "audit" in one])
    assert sent[0] == sent[1]
    assert len(sent[0]) == 1


async def test_parallel_requests_do_not_wait_for_each_other(log: Log) -> None:
    """Somebody holds the sealer's lock and never ends: nobody who asks for anything notices."""
    people = [await log.world.signed_up() for _ in range(5)]
    held = await asyncpg.connect(log.url.replace("+asyncpg", ""))
    async with held.transaction():
        await held.execute("SELECT pg_advisory_xact_lock($1)", 0x6761_7473)
        answers = await asyncio.wait_for(asyncio.gather(*(one.login() for one in people * 4)), timeout=60)
        waiting = await log.rows.fetchval(postgres.WAITING)
    await held.close()
    assert [answer.status_code for answer in answers] == [200] * 20
    assert waiting == 0
    assert sum(row["event"] == "sign_in.completed" for row in await log.events()) == 20
    await log.seal()
    assert await log.found() == []


async def test_while_the_log_cannot_be_written_people_are_let_in_and_the_events_come_later(log: Log) -> None:
    ada = await log.world.signed_up()
    await log.rows.execute("ALTER TABLE audit_events RENAME TO audit_events_away")
    assert [(await ada.login()).status_code for _ in range(3)] == [200] * 3
    await log.rows.execute("ALTER TABLE audit_events_away RENAME TO audit_events")

    async def came() -> int:
        return sum(row["event"] == "sign_in.completed" for row in await log.events())

    for _ in range(200):
        if await came() >= 3:
            break
        await asyncio.sleep(0.1)
    assert await came() == 3
    await log.seal()
    assert await log.found() == []


async def test_what_comes_while_the_rest_is_written_is_written_together_the_next_time(log: Log) -> None:
    """One by one, each would cost as much as all of them."""
    trail, many = log.trail(size=1000), 0
    with trail.beside():
        audit.note(Event.USER_DISABLED, reason="first")
        writing = asyncio.create_task(trail.catch_up())
        await asyncio.sleep(0)  # it has begun
        while not writing.done() and many < 500:
            audit.note(Event.USER_DISABLED, reason="later")
            many += 1
            await asyncio.sleep(0.001)
    await writing
    assert await _reasons(log) == ["first"]
    await trail.catch_up()
    assert await _reasons(log) == ["first", *["later"] * many]


async def _reasons(log: Log) -> list[str]:
    return [json.loads(row["facts"])["reason"] for row in await log.events() if row["event"] == "user.disabled"]


async def test_when_too_many_wait_the_oldest_are_lost_and_it_is_said_how_many(log: Log) -> None:
    """Their lines are in the log all the same."""
    trail = log.trail(size=3)
    await log.rows.execute("ALTER TABLE audit_events RENAME TO audit_events_away")
    with hearing() as lines:
        for nth in range(5):
            with trail.record() as record:
                audit.note(Event.USER_DISABLED, reason=nth)
                await trail.write(record)
        with pytest.raises(Exception, match="audit_events"):
            await trail.catch_up()
        await log.rows.execute("ALTER TABLE audit_events_away RENAME TO audit_events")
        await trail.catch_up()
        await trail.catch_up()
    assert sorted(await _reasons(log)) == ["2", "3", "4"]
    assert [line["reason"] for line in lines if line["event"] == "user.disabled"] == ["0", "1", "2", "3", "4"]
    assert [line["events"] for line in lines if line["event"] == "audit.lost"] == [2]
    await log.seal()
    assert await log.found() == []


async def test_what_cannot_be_written_at_the_end_is_lost_and_said_so(log: Log) -> None:
    trail = log.trail()
    await log.rows.execute("ALTER TABLE audit_events RENAME TO audit_events_away")
    with hearing() as lines:
        with trail.beside():
            audit.note(Event.USER_DISABLED)
        await trail.settle()
        await trail.drain(within=timedelta(seconds=5))
    told = [(line["event"], line["events"]) for line in lines if line["event"].startswith("audit.")]
    assert told == [("audit.waits", 1), ("audit.lost", 1)]


async def test_refusals_over_a_limit_are_one_row_with_how_many_they_were(log: Log) -> None:
    trail = log.trail()
    for _ in range(20):
        with trail.record() as record:
            audit.note(Event.LIMIT_EXCEEDED, limit="login network", mode="enforce")
            await trail.write(record)
    await trail.catch_up()
    assert [row for row in await log.events() if row["event"] == "limit.exceeded"] == []
    with hearing() as lines:
        await trail.drain(within=timedelta(seconds=5))
    (row,) = [row for row in await log.events() if row["event"] == "limit.exceeded"]
    (line,) = [line for line in lines if line["event"] == "limit.exceeded"]
    facts = json.loads(row["facts"])
    assert (facts["times"], facts["limit"]) == ("20", "login network")
    assert (line["times"], line["since"]) == ("20", facts["since"])
    await log.seal()
    assert await log.found() == []


async def test_an_event_that_was_written_though_nobody_heard_so_is_not_written_twice(log: Log) -> None:
    ada = await log.world.signed_up()
    await ada.login()
    row = await log.named("sign_in.completed")
    async with log.database.read() as tx:
        assert await rows.kept(tx, [row["id"]], within=timedelta(hours=1)) == {row["id"]}


@pytest.mark.parametrize("text", ["a\r\nb", "\x1b[2J", "nul\0nul", "\u2028", '{"event": "x"}', "\ud800"])
async def test_a157_whatever_a_fact_holds_is_one_row_as_it_was_said(log: Log, text: str) -> None:
    trail = log.trail()
    with trail.record() as record:
        audit.note(Event.USER_DISABLED, reason=text)
        await trail.write(record)
    (row,) = [row for row in await log.events() if row["event"] == "user.disabled"]
    wanted = text.replace("\0", "\ufffd").replace("\ud800", "?")
    assert json.loads(row["facts"]) == {"reason": wanted}
    await log.seal()
    assert await log.found() == []


async def test_a_secret_in_a_fact_is_in_no_row(log: Log) -> None:
    trail = log.trail()
    with trail.record() as record:
        audit.note(Event.USER_DISABLED, reason="call +12025550123 or ada@example.test", password="hunter2")
        await trail.write(record)
    (row,) = [row for row in await log.events() if row["event"] == "user.disabled"]
    assert json.loads(row["facts"]) == {"reason": "call [hidden] or [hidden]", "password": "[hidden]"}


async def test_a_user_reads_their_own_events_in_pages_the_newest_first(log: Log) -> None:
    ada, bob = await log.world.signed_up(), await log.world.signed_up()
    for _ in range(5):
        log.world.clock.forward(timedelta(seconds=1))
        await ada.login()
        await bob.login()
    user_id = (await log.named("sign_in.completed"))["user_id"]
    read, before = [], None
    async with log.database.read() as tx:
        while page := await rows.of_user(tx, user_id, before=before, most=2):
            read += page
            before = Cursor(page[-1].at, page[-1].id)
    assert {one.user_id for one in read} == {user_id}
    assert [one.at for one in read] == sorted((one.at for one in read), reverse=True)
    assert len({one.id for one in read}) == len(read) == 5
