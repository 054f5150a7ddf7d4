"""What an attacker got past `verify` the second time: destroyed keys, keys that outlive their user, rows put in where the log was pruned."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from app.cli.audit import _given
from app.events import Event
from app.watch import audit
from app.watch.trail import Trail
from tests.aging import SEALING, chain, happen, pruning
from tests.audit import Log
from tests.ring import hearing
from tests.standins.clock import ManualClock

AGAIN = """INSERT INTO audit_events (id, at, event, user_id, session_id, request_id, facts, personal, key_id, mac)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
SENT = ("id", "at", "event", "user_id", "session_id", "request_id", "facts", "personal", "key_id", "mac")
"""What the service's role may name."""


async def findings(log: Log) -> list[tuple[str, str]]:
    return [(one.kind, one.sentence) for one in (await log.verify()).findings]


@pytest.mark.parametrize("layout", ["json", "console"])
async def test_a_header_of_a_stranger_is_no_checkpoint(kept: Log, tmp_path: Path, layout: str) -> None:
    printed = await kept.seal()
    with hearing() as lines:
        await kept.world.client.get("/me", headers={"X-Request-ID": "audit.checkpoint.eyJa.b.c"})
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["request_id"] == "audit.checkpoint.eyJa.b.c"
    told = json.dumps(line) if layout == "json" else " ".join(f"{name}={value}" for name, value in line.items())
    kept_lines = tmp_path / "lines"
    kept_lines.write_text(f'{told}\n{{"event": "audit.checkpoint", "checkpoint": "{printed}"}}\n')
    given = list(_given(str(kept_lines)))
    assert given == [printed]
    assert await kept.found(*given) == []


def wrapped(line: str, times: int) -> str:
    return wrapped(json.dumps({"log": line}), times - 1) if times else line


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_a_checkpoint_is_found_however_often_its_line_was_wrapped(kept: Log, tmp_path: Path, times: int) -> None:
    printed = await kept.seal()
    kept_lines = tmp_path / "lines"
    kept_lines.write_text(wrapped(json.dumps({"event": "audit.checkpoint", "checkpoint": printed}), times))
    assert list(_given(str(kept_lines))) == [printed]


async def test_a_key_that_was_changed_is_found(kept: Log) -> None:
    """Whoever may change the table destroyed a user's network addresses by one byte."""
    user = (await kept.named("sign_in.completed"))["user_id"]
    spoil = (
        "substr(key, 1, length(key) - 1) || set_byte(substr(key, length(key)), 0, 255 - get_byte(key, length(key) - 1))"
    )
    await kept.rows.execute(f"UPDATE audit_keys SET key = {spoil} WHERE user_id = $1", user)  # noqa: S608  ours
    (found,) = await findings(kept)
    assert found[0] == "key_changed"
    assert str(user) in found[1]


async def test_a_key_that_is_given_to_somebody_else_or_to_nobody_is_found(kept: Log) -> None:
    """It would not go with its user."""
    user = (await kept.named("sign_in.completed"))["user_id"]
    await kept.world.signed_up()
    other = await kept.rows.fetchval("SELECT id FROM users WHERE id <> $1", user)
    await kept.seal()
    assert await kept.found() == []
    await kept.rows.execute("UPDATE audit_keys SET user_id = $2 WHERE user_id = $1", user, other)
    assert {*await kept.found()} == {"key_changed"}
    await kept.rows.execute("UPDATE audit_keys SET user_id = NULL WHERE user_id = $1", other)
    assert {*await kept.found()} == {"key_outlived"}


async def test_a_key_that_outlives_its_user_is_found(kept: Log) -> None:
    row = await kept.named("sign_in.completed")
    await kept.rows.execute("ALTER TABLE audit_keys DROP CONSTRAINT audit_keys_user_id_fk")
    assert await findings(kept) == [
        ("trigger_removed", "Table audit_keys lacks its foreign key audit_keys_user_id_fk, or that is switched off.")
    ]
    await happen(kept, event=Event.USER_DELETED, user_id=row["user_id"])
    await kept.seal()
    await kept.rows.execute("DELETE FROM users WHERE id = $1", row["user_id"])
    assert await kept.personal(row)
    assert await kept.found() == ["trigger_removed", "key_outlived"]


@pytest.mark.parametrize("instead", ["ON DELETE SET NULL", "ON DELETE CASCADE NOT VALID"])
async def test_a_foreign_key_that_does_something_else_is_found(kept: Log, instead: str) -> None:
    await kept.rows.execute(
        "ALTER TABLE audit_keys DROP CONSTRAINT audit_keys_user_id_fk, ADD CONSTRAINT audit_keys_user_id_fk "
        f"FOREIGN KEY (user_id) REFERENCES users (id) {instead}"
    )
    assert await kept.found() == ["trigger_unknown", "trigger_removed"]


@pytest.mark.parametrize("table", ["users", "audit_keys"])
async def test_a_foreign_key_that_is_switched_off_is_found(kept: Log, table: str) -> None:
    await kept.rows.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    assert "trigger_removed" in await kept.found()


async def test_a_trigger_that_works_in_replicas_alone_is_switched_off(kept: Log) -> None:
    await kept.rows.execute("ALTER TABLE audit_checkpoints ENABLE REPLICA TRIGGER audit_change")
    assert await kept.found() == ["trigger_removed"]


async def wrote(log: Log, at: datetime) -> asyncpg.Record:
    """A row of *at*, as if all had been written around then, and chained at once."""
    await log.rows.execute("SELECT audit_make_partitions($1::timestamptz::date, 3)", at)
    trail = Trail(log.database, keys=log.keys(), clock=ManualClock(at), size=5)
    with trail.record() as record:
        audit.note(Event.SIGNED_IN, acr="of then")
        await trail.write(record)
    async with log.rows.transaction():
        await log.rows.execute("SELECT pg_advisory_xact_lock($1)", SEALING)
        await log.forge("UPDATE audit_events SET written_at = $1::timestamptz + (written_at - now())", at)
        for table in ("audit_links", "audit_checkpoints"):
            await log.forge(f"DELETE FROM {table} RETURNING 1")  # noqa: S608  ours
        await chain(log)
    return next(row for row in await log.events() if "of then" in row["facts"])


async def test_what_was_pruned_is_not_put_in_again_though_it_is_of_the_last_days_before(
    kept: Log, service_role: asyncpg.Connection
) -> None:
    begin = await kept.rows.fetchval("SELECT date_trunc('month', now() - interval '400 days')")
    row = await wrote(kept, begin - timedelta(days=1))
    await happen(kept)
    await kept.seal()
    assert (await pruning(kept)()).before == begin
    await service_role.execute(AGAIN, *[row[name] for name in SENT])
    await kept.seal()
    (finding,) = (await kept.verify()).findings
    assert (finding.kind, finding.event_id) == ("row_replayed", row["id"])
