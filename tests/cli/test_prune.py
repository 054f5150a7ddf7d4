"""`gatehouse prune` as an operator runs it: what it prints, what it deletes, and how it refuses."""

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest

from app.store.prune import OVER
from tests.verbs import aside

THROTTLE = "INSERT INTO throttles (key, streak, free_at) VALUES ($1, 1, $2)"
BLOCK = "INSERT INTO sms_blocks (key, label, reason, until, created_at) VALUES ('x', 'JM', '', $1, $1)"


pytestmark = pytest.mark.usefixtures("beside_the_service")


@pytest.fixture
async def aged(sweeper: asyncpg.Connection, database_url: str) -> None:  # noqa: ARG001  swept before
    """Two throttles and a block that are over, and a throttle that is not."""
    now = datetime.now(UTC)
    for key, days in ((b"a", 2), (b"b", 9), (b"c", 0)):
        await sweeper.execute(THROTTLE, key, now - timedelta(days=days))
    await sweeper.execute(BLOCK, now - timedelta(days=2))


run = partial(aside, "prune")


async def test_it_counts_first_and_deletes_then(aged: None, sweeper: asyncpg.Connection) -> None:  # noqa: ARG001
    would = (await run("--dry-run")).stdout.splitlines()
    assert would[0].split() == ["what", "would", "go"]
    assert await sweeper.fetchval("SELECT count(*) FROM throttles") == 3
    gone = await run()
    lines = [line.rsplit(maxsplit=1) for line in gone.stdout.splitlines()]
    assert (gone.exit_code, lines[0]) == (0, ["what", "gone"])
    assert [line.rsplit(maxsplit=1) for line in would[1:]] == lines[1:]
    assert [name for name, _ in lines[1:]] == [*OVER, "all together"]
    assert {name: int(rows) for name, rows in lines[1:] if rows != "0"} == {
        "throttles": 2,
        "SMS blocks": 1,
        "all together": 3,
    }
    assert await sweeper.fetchval("SELECT array_agg(key) FROM throttles") == [b"c"]


async def test_it_reports_to_programs(aged: None) -> None:  # noqa: ARG001
    told = json.loads((await run("--dry-run", "--json")).stdout)
    assert (told["dry_run"], told["rows"]) == (True, 3)
    assert {item["what"]: item["rows"] for item in told["items"] if item["rows"]} == {"throttles": 2, "SMS blocks": 1}
    told = json.loads((await run("--json")).stdout)
    assert (told["dry_run"], told["rows"]) == (False, 3)
    assert json.loads((await run("--json")).stdout)["rows"] == 0


async def test_a_retention_is_a_setting(sweeper: asyncpg.Connection) -> None:
    os.environ["GATEHOUSE_LIMITS__LOGIN_DELAY_FORGOTTEN"] = "P30D"
    await sweeper.execute(THROTTLE, b"a", datetime.now(UTC) - timedelta(days=29))
    assert json.loads((await run("--json")).stdout)["rows"] == 0
    os.environ["GATEHOUSE_LIMITS__LOGIN_DELAY_FORGOTTEN"] = "P1D"
    assert json.loads((await run("--json")).stdout)["rows"] == 1


@pytest.mark.parametrize(
    ("name", "value"), [("CHALLENGES", "PT1M"), ("SESSIONS", "PT1H"), ("SENDS", "P1D"), ("PRUNE_EVERY", "often")]
)
async def test_a_retention_that_would_forget_what_is_needed_is_refused(name: str, value: str) -> None:
    os.environ[f"GATEHOUSE_RETENTION__{name}"] = value
    refused = await run()
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"GATEHOUSE_RETENTION__{name}" in refused.stderr


async def test_findings_are_of_the_audit_log_alone() -> None:
    refused = await run("--despite-findings")
    assert (refused.exit_code, refused.stderr) == (2, "--despite-findings goes with --audit.\n")


async def test_without_a_database_it_says_so() -> None:
    os.environ["GATEHOUSE_DATABASE__URL"] = "postgresql+asyncpg://nobody@127.0.0.1:1/nowhere"
    refused = await run()
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
