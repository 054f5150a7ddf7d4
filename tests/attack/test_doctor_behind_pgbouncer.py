"""`gatehouse doctor` knows a real PgBouncer when it meets one, whether or not the settings name it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.attack.cluster import postgres
from tests.attack.pgbouncer import PGBOUNCER, pgbouncer
from tests.cli.service import run
from tests.world import KEY

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer on this machine: apt-get install pgbouncer"),
]


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with postgres() as cluster, pgbouncer(cluster) as bouncer:
        yield bouncer.url


@pytest.mark.parametrize(
    ("named", "check", "state", "says"),
    [
        ("true", "pooler", "ok", "PgBouncer, as the settings say."),
        ("false", "database", "fail", "It is PgBouncer: set GATEHOUSE_DATABASE__PGBOUNCER=true."),
    ],
)
async def test_it_is_told(url: str, tmp_path: Path, named: str, check: str, state: str, says: str) -> None:
    given = {"ENVIRONMENT": "development", "DATA_DIR": str(tmp_path), "SECRET_KEYS": KEY, "DATABASE__URL": url}
    done = await asyncio.to_thread(run, "doctor", "--json", **given, DATABASE__TLS="disable", DATABASE__PGBOUNCER=named)
    checks = {item["name"]: (item["state"], item["says"]) for item in json.loads(done.stdout)["items"]}
    assert checks[check] == (state, says)
    assert done.returncode == 1  # nobody migrated it
