"""What every test may ask for. Nothing is paid for by a test that does not: no database, no server, no app."""

import gc
import secrets
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import asyncpg
import pytest

from app.store.database import Database
from tests import postgres
from tests.audit import Log, logging
from tests.verbs import THREAD
from tests.world import World, running, settings_for


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job has Ctrl-C ignored, and so would each command that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _trace_only_verbs()
    if not hasattr(config, "workerinput"):
        postgres.open_run()


def _trace_only_verbs() -> None:
    """Of the threads, let only that of verbs be measured for coverage.

    greenlet has the main thread tidy up after each thread that was traced, within a call back of Python's; if another one ends
    at that moment, CPython 3.11 repeats one instruction under a tracer for ever.
    """
    measuring = threading.gettrace()
    if measuring is None:
        return

    def trace(frame: FrameType, event: Any, arg: Any) -> Any:
        if threading.current_thread().name.startswith(THREAD):
            return measuring(frame, event, arg)
        sys.settrace(None)
        return None

    threading.settrace(trace)


def pytest_collection_finish() -> None:
    """Thousands of tests stay: whoever collects garbage need not look at them, which takes a second under coverage."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.close_run()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The run's server; its own database is the template of all others."""
    with postgres.server() as url:
        yield url


@asynccontextmanager
async def _sweeper(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(url)
    await connection.execute("SET lock_timeout = '5s'")  # a transaction that a test left open fails the next one loudly
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def worker_database(postgres_url: str, worker_id: str) -> str:
    """For tests that bring what works on it; migrated, as the test before left it."""
    return await postgres.create_migrated(postgres_url, f"tests_{worker_id}")


@pytest.fixture(scope="session")
async def service_database(postgres_url: str, worker_id: str) -> str:
    """For tests of `service`, whose jobs go on while other tests run: nobody else works on it."""
    return await postgres.create_migrated(postgres_url, f"service_{worker_id}")


@pytest.fixture(scope="session")
async def worker_sweeper(worker_database: str) -> AsyncIterator[asyncpg.Connection]:
    async with _sweeper(worker_database) as connection:
        yield connection


@pytest.fixture(scope="session")
async def service_sweeper(service_database: str) -> AsyncIterator[asyncpg.Connection]:
    async with _sweeper(service_database) as connection:
        yield connection


@pytest.fixture
def sweeper(
    request: pytest.FixtureRequest, worker_sweeper: asyncpg.Connection, service_sweeper: asyncpg.Connection
) -> asyncpg.Connection:
    """A superuser's connection to the database that the test is about."""
    return service_sweeper if "service" in request.fixturenames else worker_sweeper


@pytest.fixture
async def clean(request: pytest.FixtureRequest, sweeper: asyncpg.Connection) -> None:
    """Every table is empty; a service that goes on keeps the keys that it signs by."""
    await sweeper.execute(postgres.broom(keep="signing_keys" if "service" in request.fixturenames else ""))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, worker_database: str, service_database: str, clean: None) -> str:  # noqa: ARG001  asked for what it does
    """A database with every table, all empty."""
    return service_database if "service" in request.fixturenames else worker_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """As a service has it, with the settings of one."""
    made = Database(postgres.settings_for(database_url))
    yield made
    await made.close()


@pytest.fixture(scope="session")
async def service(service_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One app a worker: its rows are swept between tests, its clock only goes on, and other tests' keys are not its own."""
    settings = settings_for(service_database, tmp_path_factory.mktemp("data"), tokens={"rotate_every": "never"})
    async with running(settings) as world:
        yield world


@pytest.fixture
def world(service: World, clean: None) -> World:  # noqa: ARG001  asked for what it does
    """A running service that nobody has used yet."""
    service.app.state.house.inbox.clear()
    return service


@pytest.fixture
async def log(postgres_url: str, worker_database: str, tmp_path: Path) -> AsyncIterator[Log]:  # noqa: ARG001  it is migrated then
    """The audit log of a service that nobody has used yet."""
    async with logging(postgres_url, f"audit_{secrets.token_hex(4)}", tmp_path) as log:
        yield log
