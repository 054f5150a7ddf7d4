"""The fixtures of all tests. A test that does not ask for a database, a server or an app starts none."""

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
    # A shell's background job ignores Ctrl-C, and so would each command that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _trace_only_verbs()
    if not hasattr(config, "workerinput"):
        postgres.open_run()


def _trace_only_verbs() -> None:
    """Measure coverage in the thread of the CLI's verbs only (tests/verbs.py), and in no other one.

    greenlet has the main thread clean up after each traced thread, within a callback of Python's; if another ends
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
    """Exempt the thousands of collected tests from garbage collection: scanning them takes a second under coverage."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres.close_run()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of this run's server; its own database is the template of all others."""
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
    """A migrated database, as the last test left it, for tests that build what works on it themselves."""
    return await postgres.create_migrated(postgres_url, f"tests_{worker_id}")


@pytest.fixture(scope="session")
async def service_database(postgres_url: str, worker_id: str) -> str:
    """The database of `service` and of nobody else: the jobs of `service` go on while other tests run."""
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
    """Empty every table, but leave a running `service` its signing keys."""
    await sweeper.execute(postgres.broom(keep="signing_keys" if "service" in request.fixturenames else ""))


@pytest.fixture
def database_url(request: pytest.FixtureRequest, worker_database: str, service_database: str, clean: None) -> str:  # noqa: ARG001  asked for what it does
    """A database with every table, all empty."""
    return service_database if "service" in request.fixturenames else worker_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A `Database` as a service has it, with a service's settings."""
    made = Database(postgres.settings_for(database_url))
    yield made
    await made.close()


@pytest.fixture(scope="session")
async def service(service_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One app per worker: rows are deleted between tests, its clock only moves forward, its keys are its own."""
    settings = settings_for(service_database, tmp_path_factory.mktemp("data"), tokens={"rotate_every": "never"})
    async with running(settings) as world:
        yield world


@pytest.fixture
def world(service: World, clean: None) -> World:  # noqa: ARG001  asked for what it does
    """A running service that nobody has used yet."""
    service.app.state.house.inbox.clear()
    return service


@pytest.fixture
async def log(postgres_url: str, worker_database: str, tmp_path: Path) -> AsyncIterator[Log]:  # noqa: ARG001  to migrate it
    """The audit log of a service that nobody has used yet."""
    async with logging(postgres_url, f"audit_{secrets.token_hex(4)}", tmp_path) as log:
        yield log
