"""`gatehouse keys list | rotate | revoke`: what they print, how they refuse; and a service that follows without a restart."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.cli.users_desk import whoami
from app.store.database import Database
from tests import postgres, verbs
from tests.cli.service import run as run_apart
from tests.cli.service import serving, until
from tests.rotation import Installation
from tests.standins.clock import ManualClock
from tests.world import KEY, settings_for

QUICK = {"TOKENS__PUBLISH_AHEAD": "0.3", "TOKENS__FOLLOW_KEYS_EVERY": "0.1"}


@pytest.fixture(scope="module")
async def own_database(postgres_url: str, worker_id: str) -> AsyncIterator[str]:
    """Nobody else's replica looks after these keys, by a clock of its own."""
    name = f"signing_keys_{worker_id}"
    yield await postgres.create_migrated(postgres_url, name)
    await postgres.drop(postgres_url, name)


@pytest.fixture
async def rows(own_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(own_database)
    await connection.execute(postgres.broom())
    yield connection
    await connection.close()


@pytest.fixture
def given(own_database: str, rows: asyncpg.Connection) -> dict[str, str]:  # noqa: ARG001  swept before
    return {
        "ENVIRONMENT": "development",
        "DATABASE__URL": own_database,
        "DATABASE__TLS": "disable",
        "SECRET_KEYS": KEY,
        "LOGS__FORMAT": "json",
    }


@pytest.fixture
async def installation(own_database: str, rows: asyncpg.Connection, tmp_path: Path) -> AsyncIterator[Installation]:
    """Of today, as the command's clock is; its keys were made half an hour ago."""
    database = Database(settings_for(own_database, tmp_path).database)
    clock = ManualClock(datetime.now(UTC) - timedelta(minutes=30))
    made = Installation(own_database, tmp_path, database, rows, clock)
    await made.operator().prepare()
    yield made
    await database.close()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path) -> Iterator[None]:
    with verbs.environment(tmp_path):
        yield


run = partial(verbs.aside, "keys")


async def listed(*verb: str, **given: str) -> list[dict[str, Any]]:
    done = await run(*verb, "--json", **given)
    assert done.exit_code == 0, done.stderr
    items: list[dict[str, Any]] = json.loads(done.stdout)["items"]
    return items


async def test_the_list_tells_of_each_key_what_it_is_for_and_how_long(
    given: dict[str, str], installation: Installation
) -> None:
    current, following = await installation.one("current"), await installation.one("next")
    done = await run("list", **given)
    assert (done.exit_code, done.stderr) == (0, "")
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    since = f"{installation.clock.now():%Y-%m-%d %H:%M} UTC"
    assert rows[:3] == [
        "kid role alg state since published until",
        f"{following} access ES256 next {since} -",
        f"{current} access ES256 current {since} -",
    ]
    assert [row.partition(" ")[2] for row in rows[3:]] == [
        f"internal ES256 next {since} not published",
        f"internal ES256 current {since} not published",
    ]


async def test_a_rotation_is_told_as_a_list_and_audited(given: dict[str, str], installation: Installation) -> None:
    before, following = await installation.one("current"), await installation.one("next")
    done = await run("rotate", **given)
    assert done.exit_code == 0
    *events, sentence = done.stderr.splitlines()
    assert sentence == "Every worker follows within 10 s; none needs a restart."
    told = [(json.loads(line)["event"], json.loads(line)["role"]) for line in events]
    assert {json.loads(line)["by"] for line in events} == {whoami()}
    assert sorted(told) == [
        (f"signing_key.{what}", role) for what in ("activated", "made", "retired") for role in ("access", "internal")
    ]
    items = {item["kid"]: item for item in await listed("list", **given)}
    assert [items[kid]["state"] for kid in (before, following)] == ["retired", "current"]
    until_when = datetime.fromisoformat(items[before]["published_until"])
    assert until_when - datetime.fromisoformat(items[before]["since"]) == timedelta(minutes=15)
    assert [item["published"] for item in items.values()] == [True] * 3 + [False] * 3
    assert f"{until_when:%Y-%m-%d %H:%M} UTC" in done.stdout


async def test_in_a_hurry_it_is_refused_with_how_long_to_wait(
    given: dict[str, str], installation: Installation
) -> None:
    assert (await run("rotate", **given)).exit_code == 0
    before = await installation.states()
    refused = await run("rotate", **given)
    assert (refused.exit_code, refused.stdout) == (2, "")
    said = "The next signing key has not been published long enough: caches do not have it yet. Wait "
    assert re.fullmatch(re.escape(said) + r"(9 min \d+ s|10 min)\.\n", refused.stderr)
    assert await installation.states() == before


async def test_a_revoked_key_leaves_and_the_next_one_signs(given: dict[str, str], installation: Installation) -> None:
    leaked, following = await installation.one("current"), await installation.one("next")
    done = await run("revoke", leaked, **given)
    assert done.exit_code == 0
    assert "Every worker refuses what is under it within 10 s." in done.stderr
    assert "their cache for 300 s" in done.stderr
    items = {item["kid"]: item for item in await listed("revoke", leaked, **given)}  # twice is harmless
    assert (items[leaked]["state"], items[leaked]["published"]) == ("revoked", False)
    assert items[following]["state"] == "current"
    refused = await run("revoke", leaked[:-1], **given)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "There is no such signing key: `gatehouse keys list` shows them all.\n"


@pytest.mark.parametrize("kid", ["-jA8", "--json-", "--help-me", "-"])
async def test_a_thumbprint_may_begin_like_an_option(
    given: dict[str, str], installation: Installation, kid: str
) -> None:
    await installation.rows.execute(
        "INSERT INTO signing_keys (kid, role, alg, private, created_at, activated_at, retired_at) VALUES ($1, 'access', 'ES256', 'x', now(), now(), now())",
        kid,
    )
    items = await listed("revoke", kid, **given)
    assert [item["state"] for item in items if item["kid"] == kid] == ["revoked"]


async def test_without_keys_there_is_nothing_to_list_and_nothing_to_rotate(given: dict[str, str]) -> None:
    assert await listed("list", **given) == []
    refused = await run("rotate", **given)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "There are no signing keys in the database: `gatehouse serve` makes them when it starts.\n"


async def test_it_says_in_one_sentence_what_it_cannot_work_with(
    given: dict[str, str], installation: Installation, postgres_url: str
) -> None:
    before = await installation.states()
    assert before.keys() == {item["kid"] for item in (await listed("list", **given))[:2]}
    stranger = await run("rotate", **{**given, "SECRET_KEYS": "l" + KEY[1:]})
    assert stranger.exit_code == 2
    assert stranger.stderr.splitlines()[-1].startswith("The signing keys in the database were sealed under another key")
    url = await postgres.create(postgres_url, "unmigrated_keys")
    older = await run("list", **{**given, "DATABASE__URL": url})
    await postgres.drop(postgres_url, "unmigrated_keys")
    assert (older.exit_code, older.stdout) == (2, "")
    assert "run `gatehouse migrate` first" in older.stderr
    assert await installation.states() == before


def key_set(port: int) -> list[str]:
    answer = httpx.get(f"http://127.0.0.1:{port}/.well-known/jwks.json", timeout=5)
    return [key["kid"] for key in answer.json()["keys"]]


async def test_a_running_service_follows_without_a_restart(given: dict[str, str], tmp_path: Path) -> None:
    given |= QUICK
    with serving(tmp_path, **given) as service:
        first, second = key_set(service.port)
        await asyncio.sleep(0.3)
        assert run_apart("keys", "rotate", **given).returncode == 0
        until(lambda: key_set(service.port)[0] == second)
        assert first in key_set(service.port)
        assert run_apart("keys", "revoke", second, **given).returncode == 0
        until(lambda: second not in key_set(service.port))
        assert first in key_set(service.port)
