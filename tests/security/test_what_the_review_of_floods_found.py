"""What one signed-in user could do to everybody by doing the same again and again, so that it stays found."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.store import outbox
from app.store.database import Database
from app.store.outbox import Notice
from tests.emails import ask
from tests.standins.clock import ManualClock
from tests.world import Person, World, running, settings_for

LIMITED = (429, "rate_limited")
LEASE = timedelta(minutes=5)
ROWS = "SELECT facts FROM audit_events WHERE event = $1"


async def told(sweeper: asyncpg.Connection, event: str) -> list[dict[str, Any]]:
    return [json.loads(row["facts"]) for row in await sweeper.fetch(ROWS, event)]


async def renew(person: Person) -> tuple[int, str]:
    answer = await person.call("POST", "/me/recovery-codes")
    return answer.status_code, answer.json().get("code", "")


async def test_a_user_who_renews_recovery_codes_for_ever_does_not_fill_the_outbox(world: World) -> None:
    """One user's notices filled it for hours, and a victim's "your password was changed" waited behind them."""
    mallory, ada = await world.with_app(), await world.with_app()
    answers = [await renew(mallory) for _ in range(30)]
    assert answers == [(200, "")] * 9 + [LIMITED] * 21  # the app was the first of the ten
    assert await renew(ada) == (200, "")
    changed = {"current_password": mallory.password, "new_password": "another phrase of mallory's"}
    assert (await mallory.call("PUT", "/me/password", changed)).status_code == 429
    app = await mallory.factor_id("totp")
    assert (await mallory.call("DELETE", f"/me/factors/{app}")).status_code == 429
    assert len((await mallory.call("GET", "/me/factors")).json()["items"]) == 1
    world.clock.forward(timedelta(minutes=6))
    assert (await mallory.step_up(mallory.app_code(), "totp")).status_code == 200
    assert [(await renew(mallory))[0] for _ in range(2)] == [200, 429]


async def test_whoever_has_no_proof_uses_up_nothing_of_the_owners(world: World) -> None:
    ada = await world.with_app()
    world.clock.forward(timedelta(minutes=6))
    await ada.refresh_session()
    assert {await renew(ada) for _ in range(30)} == {(401, "step_up_required")}
    assert (await ada.step_up(ada.app_code(), "totp")).status_code == 200
    assert await renew(ada) == (200, "")


async def test_a_stolen_token_does_not_keep_the_owner_from_a_factor(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path, limits={"account_changes": "2/hour"})) as world:
        ada = await world.signed_up()
        await ada.sign_in()
        answers = [(await ada.call("PATCH", "/me", {"display_name": "M"})).status_code for _ in range(4)]
        assert answers == [200] * 2 + [429] * 2
        await ada.enrol_app()


async def test_no_limit_of_changes_keeps_anybody_from_signing_in(database_url: str, tmp_path: Path) -> None:
    limits, required = {"account_changes": "1/hour", "account_notices": "1/hour"}, {"policy": "required"}
    async with running(settings_for(database_url, tmp_path, limits=limits, mfa=required)) as world:
        ada = await world.signed_up()
        ada.access_token = (await ada.login()).json()["enrollment_token"]
        await ada.enrol_app()
        assert [await renew(ada) for _ in range(2)] == [(200, ""), LIMITED]
        assert (await ada.begin_phone()).status_code == 201


async def test_a_right_code_beyond_the_limit_is_used_and_no_failure(
    database_url: str, tmp_path: Path, sweeper: asyncpg.Connection
) -> None:
    async with running(settings_for(database_url, tmp_path, limits={"account_notices": "2/hour"})) as world:
        ada = await world.with_app()
        assert await renew(ada) == (200, "")
        begun = (await ada.begin_phone()).json()["id"]
        refused = await ada.confirm(begun, ada.code("confirm"))
        assert (refused.status_code, refused.json()["code"]) == LIMITED
        assert (await ada.confirm(begun, ada.code("confirm"))).status_code == 401
        assert await sweeper.fetchval("SELECT count(*) FROM budgets WHERE streak > 0") == 0
        assert [item["kind"] for item in (await ada.call("GET", "/me/factors")).json()["items"]] == ["totp"]


@pytest.mark.parametrize(
    ("method", "path", "body", "event", "room"),
    [
        ("PATCH", "/me", {"display_name": "M"}, "user.profile_changed", 4),
        ("PATCH", "/me/factors/{app}", {"label": "M"}, "factor.changed", 4),
        ("PATCH", "/me/factors/{app}", {"default": True}, "factor.changed", 3),  # beginning the app was the first
        ("POST", "/me/factors", {"factor": "totp"}, "factor.enrolment_begun", 3),
        ("GET", "/me/export", None, "user.data_exported", 3),
    ],
)
async def test_a_token_does_not_fill_the_audit_log(
    database_url: str,
    tmp_path: Path,
    sweeper: asyncpg.Connection,
    *,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    event: str,
    room: int,
) -> None:
    async with running(settings_for(database_url, tmp_path, limits={"account_changes": "4/hour"})) as world:
        mallory = await world.with_app()
        path = path.format(app=await mallory.factor_id("totp"))
        before = len(await told(sweeper, event))
        answers = [await mallory.call(method, path, body) for _ in range(6)]
        assert [answer.is_success for answer in answers] == [True] * room + [False] * (6 - room)
        assert {(answer.status_code, answer.json()["code"]) for answer in answers[room:]} == {LIMITED}
        assert len(await told(sweeper, event)) == before + room


async def test_a_used_up_sign_in_does_not_fill_the_audit_log(
    database_url: str, tmp_path: Path, sweeper: asyncpg.Connection
) -> None:
    async with running(settings_for(database_url, tmp_path)) as world:
        mallory = await world.with_app()
        await mallory.login()
        answers = [(await mallory.verify("000000", factor="totp")).status_code for _ in range(25)]
        assert answers == [401] * 5 + [429] * 20
        assert await told(sweeper, "challenge.attempts_exhausted") == []
    (facts,) = await told(sweeper, "challenge.attempts_exhausted")
    assert facts["times"] == "20"


async def test_a_locked_factor_does_not_fill_the_audit_log(
    database_url: str, tmp_path: Path, sweeper: asyncpg.Connection
) -> None:
    mfa = {"lock_at": 3, "attempts": 10}
    async with running(settings_for(database_url, tmp_path, mfa=mfa)) as world:
        mallory = await world.with_app()
        await mallory.login()
        answers = [(await mallory.verify("000000", factor="totp")).status_code for _ in range(23)]
        assert answers.count(429) >= 20
        owner = await sweeper.fetchval("SELECT id FROM users")
    (facts,) = await told(sweeper, "factor.locked")
    assert (facts["factor"], facts["times"]) == ("totp", str(answers.count(429)))
    assert await sweeper.fetchval("SELECT user_id FROM audit_events WHERE event = 'factor.locked'") == owner


async def test_a_users_many_notices_hold_up_nobody_elses(database: Database) -> None:
    clock = ManualClock()
    async with database.begin() as tx:
        for _ in range(40):
            await outbox.add(tx, notice("mallory@example.test"), at=clock.now())
        clock.forward(timedelta(seconds=1))
        for victim in ("ada@example.test", "bob@example.test", "bob@example.test"):
            await outbox.add(tx, notice(victim), at=clock.now())
    async with database.read() as tx:
        claimed = await outbox.claim(tx, lease=LEASE, most=4, at=clock.now())
    assert sorted(one.recipient.partition("@")[0] for one, _ in claimed) == ["ada", "bob", "mallory", "mallory"]


async def test_of_replicas_that_claim_at_once_each_gets_its_own(database: Database) -> None:
    clock = ManualClock()
    async with database.begin() as tx:
        for nth in range(40):
            await outbox.add(tx, notice(f"user{nth % 5}@example.test"), at=clock.now())

    async def claim() -> list[Notice]:
        async with database.read() as tx:
            return [one for one, _ in await outbox.claim(tx, lease=LEASE, most=4, at=clock.now())]

    found = [one.id for claimed in await asyncio.gather(*(claim() for _ in range(8))) for one in claimed]
    while claimed := await claim():
        found += [one.id for one in claimed]
    assert len(found) == len(set(found)) == 40


def notice(recipient: str) -> Notice:
    return Notice(uuid4(), recipient, "factor_locked", "en", {})


async def test_a_mailbox_gets_no_flood_of_codes_by_its_tags(world: World) -> None:
    """From several accounts of one network, each within the limits of a user."""
    victim = world.person().email.partition("@")[0]
    asked = []
    for nth in range(3):
        mallory = await world.signed_up()
        await mallory.sign_in()
        asked += [f"{victim}+{nth}{k}@example.test" for k in range(5)]
        assert {(await ask(mallory, email)).status_code for email in asked[-5:]} == {202}
    await world.app.state.house.change_email.background.drain(within=timedelta(seconds=5))
    await asyncio.sleep(0.1)
    assert sum(len(world.inbox(email)) for email in asked) == 2
