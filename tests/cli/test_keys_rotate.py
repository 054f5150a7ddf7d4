"""`gatehouse keys rotate --at-rest` as an operator runs it: it tells how far it is, what is done and what it could not do."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from app.crypto.chance import new_id
from app.crypto.keys import new_secret_key
from tests import postgres
from tests.cli.service import GATEHOUSE, environment, run
from tests.ring import enrol_crowd, vault
from tests.world import KEY as OLD

NEW = new_secret_key()
ROTATE = ("keys", "rotate", "--at-rest")
SESSION = """INSERT INTO sessions (id, user_id, credential_version, key_id, amr, acr, auth_time, created_at, rotated_at, expires_at)
    SELECT $1, id, 1, $2, '{pwd}', 'x', now(), now(), now(), $3 FROM users LIMIT 1"""


@pytest.fixture
def given(database_url: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "development",
        "DATABASE__URL": database_url,
        "DATABASE__TLS": "disable",
        "SECRET_KEYS": f"{NEW},{OLD}",
    }


@contextmanager
def rotating(**given: str) -> Iterator[subprocess.Popen[str]]:
    """The verb, row by row, once it has told for the first time how far it is."""
    command = [*GATEHOUSE, *ROTATE, "--batch", "1"]
    with subprocess.Popen(
        command, env=environment(**given), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == "1 of 1000 looked at, 1 re-sealed\n"
        yield process


async def test_it_tells_what_it_did_and_until_when_the_older_key_is_needed(
    given: dict[str, str], sweeper: asyncpg.Connection
) -> None:
    await enrol_crowd(sweeper, 5, key=OLD)
    ends = datetime.now(UTC) + timedelta(days=20)
    await sweeper.execute(SESSION, new_id(ends), vault(OLD).head[1:], ends)

    done = run(*ROTATE, "--batch", "3", **given)

    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[:2] == ["3 of 5 looked at, 3 re-sealed", "5 of 5 looked at, 5 re-sealed"]
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "enrollments 5 0 0 0" in told
    assert "signing keys 0 0 0 0" in told
    assert "audit keys 0 0 0 0" in told
    assert f"sessions that rotate under them 1 {ends:%Y-%m-%d %H:%M} UTC" in told
    assert "codes on their way, at most 0 -" in told
    assert f"From {ends:%Y-%m-%d %H:%M} UTC nothing needs an older key." in done.stdout

    again = run(*ROTATE, "--json", **given)
    assert again.returncode == 0
    assert json.loads(again.stdout) == {
        "complete": True,
        "enrollments": {"resealed": 0, "cannot_open": 0, "held_twice": 0, "left": 0},
        "signing_keys": {"resealed": 0, "cannot_open": 0, "held_twice": 0, "left": 0},
        "audit_keys": {"resealed": 0, "cannot_open": 0, "held_twice": 0, "left": 0},
        "older_keys": {
            "sessions": {"count": 1, "until": ends.isoformat()},
            "codes": {"count": 0, "until": None},
            "verifications": {"count": 0, "until": None},
        },
    }


async def test_what_cannot_be_opened_is_named_in_the_log_and_ends_it_with_a_sentence(
    given: dict[str, str], sweeper: asyncpg.Connection
) -> None:
    (row,) = await enrol_crowd(sweeper, 1, key=OLD)
    failed = run(*ROTATE, **{**given, "SECRET_KEYS": NEW, "LOGS__FORMAT": "json"})
    assert failed.returncode == 1
    assert "needs an older key" not in failed.stdout
    *_, event, turned, sentence = failed.stderr.splitlines()
    told = json.loads(turned)
    assert (told["event"], told["complete"]) == ("ring.resealed", "False")
    assert (told["enrollments"], told["signing_keys"], told["audit_keys"]) == ("0", "0", "0")
    assert json.loads(event)["event"] == "vault.cannot_open"
    assert json.loads(event)["enrollment_id"] == str(row)
    assert sentence.startswith("1 enrollments cannot be opened: put the key that sealed them back")


async def test_stopped_by_ctrl_c_it_goes_on_where_it_was(given: dict[str, str], sweeper: asyncpg.Connection) -> None:
    await enrol_crowd(sweeper, 1000, key=OLD)
    with rotating(**given) as process:
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.to_thread(process.communicate)
    assert process.returncode == 130
    assert said.endswith("Stopped. What is done is kept: run this again to go on.\n")
    done = await sweeper.fetchval("SELECT count(*) FROM enrollments WHERE substr(state, 1, 5) = $1", vault(NEW).head)
    assert 0 < done < 1000
    again = run(*ROTATE, **given)
    assert again.returncode == 0
    assert f"enrollments {1000 - done} 0 0 0" in [" ".join(line.split()) for line in again.stdout.splitlines()]
    assert again.stdout.endswith("Nothing needs an older key of GATEHOUSE_SECRET_KEYS any more.\n")


async def test_a_database_that_goes_away_is_one_sentence(given: dict[str, str], postgres_url: str) -> None:
    url = await postgres.create_migrated(postgres_url, "turning")
    connection = await postgres.connect(url)
    await enrol_crowd(connection, 1000, key=OLD)
    await connection.close()
    with rotating(**{**given, "DATABASE__URL": url}) as process:
        await postgres.drop(postgres_url, "turning")
        _, said = await asyncio.to_thread(process.communicate)
    assert process.returncode == 2
    assert said.endswith("The database does not answer. What is done is kept: run this again.\n")


async def test_an_older_schema_is_left_alone(given: dict[str, str], postgres_url: str, tmp_path: Path) -> None:
    url = await postgres.create(postgres_url, "unmigrated_ring")
    refused = run(*ROTATE, **{**given, "DATABASE__URL": url, "DATA_DIR": str(tmp_path)})
    await postgres.drop(postgres_url, "unmigrated_ring")
    assert refused.returncode == 2
    assert "run `gatehouse migrate` first" in refused.stderr
