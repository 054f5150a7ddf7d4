"""Commands run in this process, too, and configure the logs: on a stream that is closed when they are done."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog

from tests import postgres
from tests.verbs import on_database
from tests.world import own_logging


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
    with on_database(database_url, tmp_path):
        yield
