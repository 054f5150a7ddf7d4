"""`gatehouse audit verify`, `doctor` and `keys rotate --at-rest` beside the audit log, as an operator runs them."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli.users_desk import whoami
from app.store.audit_roles import grant
from tests.aging import SEALING, age, happen
from tests.audit import Log
from tests.cli.test_audit import beside
from tests.verbs import aside as run

__all__ = ["beside"]


async def checks() -> dict[str, tuple[str, str]]:
    items = json.loads((await run("doctor", "--json")).stdout)["items"]
    return {item["name"]: (item["state"], item["says"]) for item in items}


async def test_verify_takes_checkpoints_from_their_lines_however_they_are_wrapped(log: Log, tmp_path: Path) -> None:
    await (await log.world.signed_up()).login()
    printed = await log.seal()
    kept = tmp_path / "lines"
    line = json.dumps({"event": "audit.checkpoint", "checkpoint": printed})
    kept.write_text(
        "\n".join(
            [
                "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.AAAA is nobody's",
                json.dumps({"event": "x", "checkpoint": "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.AAAA"}),
                "x" * (3 << 20),
                json.dumps({"log": line}),
                f"2026-01-01 info audit.checkpoint source=gatehouse.audit checkpoint={printed}",
            ]
        )
    )
    done = await run("audit", "verify", "--checkpoints", str(kept), "--json")
    report = json.loads(done.stdout.splitlines()[-1])
    assert (done.exit_code, report["outside"], report["findings"]) == (0, 2, [])
    told = await run("audit", "verify", "--checkpoints", str(kept))
    assert "links beyond it only the database vouches" in told.stdout
    kept.write_text(printed)
    refused = await run("audit", "verify", "--checkpoints", str(kept))
    assert (refused.exit_code, "There is no checkpoint" in refused.stderr) == (2, True)


async def test_doctor_says_when_nobody_seals_and_what_stands_before_the_log(log: Log) -> None:
    await (await log.world.signed_up()).login()
    await log.seal()
    found = await checks()
    assert (found["audit log"][0], found["audit tables"][0]) == ("ok", "ok")
    await log.rows.execute("SELECT pg_advisory_lock($1)", SEALING)
    await happen(log)
    row = await log.named("sign_in.completed")
    await log.forge("UPDATE audit_links SET event_at = event_at - interval '1 hour'")
    await log.forge("UPDATE audit_events SET written_at = written_at - interval '2 minutes' WHERE id = $1", row["id"])
    await log.rows.execute("ALTER TABLE audit_checkpoints DISABLE TRIGGER audit_change")
    found = await checks()
    assert found["audit log"][0] == "warn"
    assert "1734440051" in found["audit log"][1]
    assert found["audit tables"] == (
        "fail",
        (
            "Table audit_checkpoints lacks its trigger audit_change, or that is switched off. "
            "Whoever owns the schema did that: `gatehouse audit verify`."
        ),
    )
    await log.rows.execute("SELECT pg_advisory_unlock($1)", SEALING)


async def test_doctor_says_when_links_go_without_checkpoints(log: Log) -> None:
    await (await log.world.signed_up()).login()
    await log.seal()
    await log.rows.execute("SELECT pg_advisory_lock($1)", SEALING)
    await age(log, 1)
    found = await checks()
    assert found["audit log"][0] == "warn"
    assert "No checkpoint" in found["audit log"][1]
    await log.rows.execute("SELECT pg_advisory_unlock($1)", SEALING)


@pytest.fixture
async def role(log: Log) -> AsyncIterator[str]:
    """The service's own, and the verbs run as it."""
    name = f"service_{secrets.token_hex(4)}"
    await log.rows.execute(f"CREATE ROLE {name} LOGIN")
    await grant(log.settings.database, name)
    os.environ["GATEHOUSE_DATABASE__URL"] = log.url.replace("postgres@", f"{name}@")
    yield name
    await log.rows.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


async def test_the_keys_of_the_log_are_turned_by_the_owner_alone(log: Log, role: str) -> None:
    refused = await run("keys", "rotate", "--at-rest")
    assert (refused.exit_code, "GATEHOUSE_DATABASE__OWNER_URL" in refused.stderr) == (2, True)
    os.environ["GATEHOUSE_DATABASE__OWNER_URL"] = log.url
    assert (await run("keys", "rotate", "--at-rest", "--json")).exit_code == 0
    told = json.loads((await log.named("ring.resealed"))["facts"])
    assert (told["by"], told["complete"]) == (whoami(), "True")
    assert (told["enrollments"], told["signing_keys"], told["audit_keys"]) == ("0", "0", "0")
    assert (await checks())["audit tables"][0] == "ok"
    await log.rows.execute(f"GRANT TEMPORARY ON DATABASE {log.url.split('/')[3].split('?')[0]} TO {role}")
    assert (await checks())["audit tables"][0] == "warn"


async def test_months_of_the_log_are_dropped_by_the_owner_alone(log: Log, role: str) -> None:
    assert role
    refused = await run("prune", "--audit")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "are dropped by the owner of the schema alone: set GATEHOUSE_DATABASE__OWNER_URL." in refused.stderr
    os.environ["GATEHOUSE_DATABASE__OWNER_URL"] = log.url
    assert (await run("prune", "--audit")).exit_code == 0


async def test_prune_says_why_it_drops_nothing_and_drops_it_when_it_is_told_to(log: Log) -> None:
    await (await log.world.signed_up()).login()
    await log.seal()
    await age(log, 15)
    await happen(log)
    await log.seal()
    row = await log.named("registration.verified")
    await log.forge("UPDATE audit_events SET event = 'x' WHERE id = $1", row["id"])
    refused = await run("prune", "--audit")
    assert refused.exit_code == 2
    assert str(row["id"]) in refused.stderr
    assert "--despite-findings" in refused.stderr
    done = await run("prune", "--audit", "--despite-findings")
    assert done.exit_code == 0, done.output
    assert "were dropped" in done.stdout
    assert await log.found() == []
    told = json.loads((await log.named("audit.pruned"))["facts"])
    assert (told["by"], told["despite"]) == (whoami(), "True")
    assert f"{told['events']} events from before {told['before'][:10]}, up to link {told['seq']}," in done.stdout
    assert timedelta(days=400) == log.settings.audit.retention


async def test_prune_gives_way_to_who_reads_the_log_and_says_what_else_went(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.flows.prune_audit._TRIES", 1)
    await (await log.world.signed_up()).login()
    await log.seal()
    await age(log, 15)
    await log.rows.execute("UPDATE audit_keys SET created_at = now() - interval '15 months' WHERE user_id IS NOT NULL")
    await happen(log)
    await log.seal()
    reading = log.rows.transaction()
    await reading.start()
    await log.rows.fetchval("SELECT count(*) FROM audit_events")
    refused = await run("prune", "--audit")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "Somebody has been reading the log" in refused.stderr
    await reading.rollback()
    done = await run("prune", "--audit")
    assert done.exit_code == 0, done.output
    assert "1 keys that nothing needs any more" in done.stdout
    assert await log.found() == []
