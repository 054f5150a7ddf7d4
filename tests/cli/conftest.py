"""Commands run in this process, too, and configure the logs: on a stream that is closed when they are done."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog

from tests import postgres
from tests.world import KEY, own_logging


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Or whoever logs next would write to that stream."""
    before = structlog.get_config()
    with own_logging():
        yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
async def worker_database(postgres_url: str) -> str:
    """One that the service of other tests, which may still run in this process, does not work on."""
    return await postgres.create_migrated(postgres_url, f"verbs_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")


@pytest.fixture(scope="session")
async def sweeper(worker_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(worker_database)
    await connection.execute("SET lock_timeout = '5s'")
    yield connection
    await connection.close()


@pytest.fixture
def beside_the_service(tmp_path: Path, database_url: str) -> Iterator[None]:
    """The verbs complete the environment; a test gives it back as it was."""
    before = dict(os.environ)
    given = {
        "ENVIRONMENT": "development",
        "DATA_DIR": str(tmp_path),
        "DATABASE__URL": database_url,
        "DATABASE__TLS": "disable",
        "SECRET_KEYS": KEY,
        "LOGS__FORMAT": "json",
    }
    os.environ |= {f"GATEHOUSE_{name}": value for name, value in given.items()}
    with own_logging():
        yield
    os.environ.clear()
    os.environ.update(before)
