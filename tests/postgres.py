"""One embedded server a run, one database a worker, and a broom that takes 0.3 ms: real PostgreSQL in every test."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from app.settings.groups import DatabaseSettings
from app.store.embedded import EmbeddedPostgres
from app.store.migrate import upgrade
from app.store.tables import metadata
from tests.attack.processes import until

FOLDER = "TESTS_POSTGRES_FOLDER"
"""In the environment, so that xdist's workers find the controller's folder."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
"""How many wait for a lock in this database: others of the server are other workers' business."""


def open_run() -> None:
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="gatehouse-tests-")


def close_run() -> None:
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """The run's server: whoever comes first starts it, whoever leaves last stops it."""
    with EmbeddedPostgres(Path(os.environ[FOLDER]), throwaway=True) as url:
        yield url


def settings_for(url: str, **more: object) -> DatabaseSettings:
    return DatabaseSettings.model_validate({"url": url, "tls": "disable", **more})


def named(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return url.replace("/gatehouse?", f"/{name}?")


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""))


@asynccontextmanager
async def connections(url: str, many: int) -> AsyncIterator[list[asyncpg.Connection]]:
    """So many people's, each with one of their own."""
    made = [await connect(url) for _ in range(many)]
    try:
        yield made
    finally:
        for connection in made:
            await connection.close()


async def create(url: str, name: str, *, template: str = "template1") -> str:
    """Make database *name* and return its URL."""
    maintenance = await connect(named(url, "postgres"))
    await maintenance.execute(f'CREATE DATABASE "{name}" TEMPLATE {template}')
    await maintenance.close()
    return named(url, name)


async def drop(url: str, name: str) -> None:
    maintenance = await connect(named(url, "postgres"))
    await maintenance.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await maintenance.close()


async def create_migrated(url: str, name: str) -> str:
    """A copy of a database that is migrated once a run; one worker at a time, for a template must be nobody's."""
    with _template():
        await upgrade(settings_for(url))
        return await create(url, name, template="gatehouse")


async def copy(url: str, name: str) -> str:
    """The same, of one that is migrated already."""
    with _template():
        return await create(url, name, template="gatehouse")


@contextmanager
def _template() -> Iterator[None]:
    with (Path(os.environ[FOLDER]) / "template.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def broom(*, keep: str = "") -> str:
    """Empty every table but *keep* in one simple query, those that refer to others first (TRUNCATE takes 10 ms and more).

    The audit log refuses that: its triggers are passed over, which only a superuser may.
    """
    deletes = {table.name: f"{table.delete()};" for table in reversed(metadata.sorted_tables) if table.name != keep}
    append_only = "".join(deletes.pop(name) for name in list(deletes) if name.startswith("audit_"))
    around = "SET session_replication_role = {};"
    return around.format("replica") + append_only + around.format("origin") + "".join(deletes.values())


async def somebody_waits(rows: asyncpg.Connection, *, about: str = "", many: int = 1) -> None:
    """Until so many wait for a lock in that database, within statements that say *about*."""

    async def enough() -> bool:
        return bool(await rows.fetchval(f"{WAITING} AND query ~ $1", about) >= many)

    await until(enough, f"{many} wait for a lock")
