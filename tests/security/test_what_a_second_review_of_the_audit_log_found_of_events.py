"""What an attacker found in the events themselves: addresses that outlive their user, counts that are hidden, keys without an end."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from starlette.requests import Request

from app.api.guard import AccessGuard, PendingGuard
from app.crypto.audit import HOUSE_ID
from app.crypto.claims import Scope
from app.events import Event
from app.visitor import Visitor
from app.watch import audit
from app.watch.audit import Whence
from tests.aging import happen
from tests.audit import Log
from tests.ring import hearing

REQUESTED = "registration.requested"


async def erase(log: Log, user_id: UUID) -> None:
    await log.rows.execute("DELETE FROM users WHERE id = $1", user_id)


async def readable(log: Log) -> list[str]:
    """The events whose network address and agent can be opened still."""
    return [row["event"] for row in await log.events() if row["personal"] and await log.personal(row)]


async def test_with_a_user_goes_the_address_of_every_event_of_their_requests(log: Log) -> None:
    """That a message was sent names no user; their sign-in of the same request does."""
    ada = await log.world.with_phone()
    await ada.sign_in()
    assert {"message.sent", "registration.verified", "sign_in.completed"} <= {*await readable(log)}
    await erase(log, (await log.named("sign_in.completed"))["user_id"])
    assert await readable(log) == [REQUESTED], "nobody was a user yet"
    await log.seal()
    assert "key_outlived" not in await log.found()


@pytest.fixture
def whence() -> Whence:
    visitor = Visitor(None, "curl/8")
    return Whence("a-request", lambda: visitor)


async def test_what_comes_before_its_user_is_named_goes_with_them_and_so_does_what_comes_late(
    kept: Log, whence: Whence
) -> None:
    user_id = (await kept.named("sign_in.completed"))["user_id"]
    trail = kept.trail()
    with trail.record(whence) as record:
        audit.note(Event.BREACH_CHECK_FAILED, reason="slow")
        audit.note(Event.PASSWORD_CHANGED, user_id=user_id)
        await trail.write(record)
        audit.note(Event.MESSAGE_SENT, channel="sms")
    await trail.catch_up()
    rows = [await kept.named(name) for name in ("breach_check.failed", "message.sent")]
    assert [await kept.personal(row) for row in rows] == [{"agent": "curl/8", "network_address": ""}] * 2
    assert [row["user_id"] for row in rows] == [None, None]
    await erase(kept, user_id)
    assert [await kept.personal(row) for row in rows] == [None, None]


async def test_what_is_told_together_goes_with_the_user_whose_address_it_has(kept: Log, whence: Whence) -> None:
    user_id = (await kept.named("sign_in.completed"))["user_id"]
    trail = kept.trail()
    with trail.record(whence) as record:
        audit.note(Event.LIMIT_EXCEEDED, limit="login network", mode="record_only")
        audit.note(Event.PASSWORD_REFUSED, user_id=user_id)
        await trail.write(record)
    await trail.drain(within=timedelta(seconds=5))
    row = await kept.named("limit.exceeded")
    assert (row["user_id"], await kept.personal(row)) == (None, {"agent": "curl/8", "network_address": ""})
    await erase(kept, user_id)
    assert await kept.personal(row) is None


async def test_whoever_shows_a_token_is_whom_their_request_is_about(log: Log, whence: Whence) -> None:
    """Though no event of it may name them."""
    ada = await log.world.with_phone()
    await ada.sign_in()
    log.world.clock.forward(timedelta(minutes=2))
    asked = (await ada.login()).json()
    shown: dict[AccessGuard | PendingGuard, str] = {
        PendingGuard(Scope.MFA_PENDING, "", ""): asked["mfa_token"],
        AccessGuard(Scope.FULL, "", ""): ada.access_token,
    }
    user_id = str((await log.named("sign_in.completed"))["user_id"])
    for guard, token in shown.items():
        headers = [(b"authorization", f"Bearer {token}".encode())]
        with log.trail().record(Whence("a-request", whence.visitor)) as record:
            await guard(Request({"type": "http", "app": log.world.app, "headers": headers}))
        assert record.whence.about == {user_id}


async def test_what_is_about_nobody_or_about_several_is_sealed_by_the_house(kept: Log, whence: Whence) -> None:
    trail = kept.trail()
    with trail.record(whence) as record:
        audit.note(Event.RESET_REFUSED)
        await trail.write(record)
    assert (await kept.named("password.reset_refused"))["key_id"] == HOUSE_ID
    with trail.record(Whence("b-request", whence.visitor)) as record:
        for _ in range(2):
            audit.note(Event.PASSWORD_REFUSED, user_id=uuid4())
        audit.note(Event.RESET_REFUSED)
        await trail.write(record)
    assert (await kept.named("password.reset_refused"))["key_id"] == HOUSE_ID


async def test_a_job_that_never_ends_remembers_nobody(log: Log) -> None:
    trail = log.trail(size=2000)
    with trail.beside():
        for _ in range(1000):
            audit.note(Event.SESSION_ENDED, user_id=uuid4())
    assert {len(noted.whence.about) for noted in trail._waiting} == {0}


async def test_counts_and_operators_are_told_as_they_are(kept: Log) -> None:
    """Six digits look like a code, and an operator's name in a directory like an address."""
    with hearing() as lines:
        await happen(kept, event=Event.USERS_IMPORTED, users=100_000, by="ada@corp.example", reason="code 123456")
        trail = kept.trail()
        with trail.record():
            for _ in range(100_000):
                audit.note(Event.LIMIT_EXCEEDED, limit="login account", mode="enforce")
        await trail.drain(within=timedelta(seconds=5))
    imported = json.loads((await kept.named("users.imported"))["facts"])
    assert imported == {"users": "100000", "by": "ada@corp.example", "reason": "code [hidden]"}
    assert json.loads((await kept.named("limit.exceeded"))["facts"])["times"] == "100000"
    told = {line["event"]: line for line in lines}
    assert (told["users.imported"]["users"], told["users.imported"]["by"]) == ("100000", "ada@corp.example")
    assert told["limit.exceeded"]["times"] == "100000"
    assert told["users.imported"]["reason"] == "code [hidden]"


async def test_sign_ups_whose_mails_are_held_back_are_told_together(log: Log) -> None:
    world = log.world
    with hearing() as lines:
        email = f"ada.{uuid4().hex[:10]}@example.test"
        for _ in range(12):
            answer = await world.client.post("/register", json={"email": email, "password": "a long enough phrase 1"})
            assert answer.status_code == 202
        await asyncio.sleep(0.5)
        world.clock.forward(timedelta(minutes=2))
        await asyncio.sleep(1.5)
    held = [line for line in lines if line["event"] == "message.held_back"]
    assert len(held) == 1
    assert int(held[0]["times"]) > 5
    assert "registration_id" not in held[0]
