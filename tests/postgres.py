"""Real PostgreSQL in every test: a server per run, databases per worker, and a `broom` that empties one in 0.3 ms."""

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
"""Counts who waits for a lock in this database: the other databases of the server are of other workers."""


def open_run() -> None:
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="gatehouse-tests-")


def close_run() -> None:
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """Attach to the run's server: the first worker starts it, the last one to leave stops it."""
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
    """Open *many* connections, as of so many different users."""
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
    """Copy the run's migrated database; one worker at a time, for a template must not be in use by anybody."""
    with _template():
        await upgrade(settings_for(url))
        return await create(url, name, template="gatehouse")


async def copy(url: str, name: str) -> str:
    """Copy the run's database when it is known to be migrated already."""
    with _template():
        return await create(url, name, template="gatehouse")


@contextmanager
def _template() -> Iterator[None]:
    with (Path(os.environ[FOLDER]) / "template.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def broom(*, keep: str = "") -> str:
    """Return one simple query that empties all tables but *keep*, referring ones first (TRUNCATE takes 10 ms or more).

    The audit log's triggers refuse deletes, so they are switched off for them, which only a superuser may do.
    """
    deletes = {table.name: f"{table.delete()};" for table in reversed(metadata.sorted_tables) if table.name != keep}
    append_only = "".join(deletes.pop(name) for name in list(deletes) if name.startswith("audit_"))
    around = "SET session_replication_role = {};"
    return around.format("replica") + append_only + around.format("origin") + "".join(deletes.values())


async def somebody_waits(rows: asyncpg.Connection, *, about: str = "", many: int = 1) -> None:
    """Wait until *many* sessions wait for a lock in that database, in statements that match the regex *about*."""

    async def enough() -> bool:
        return bool(await rows.fetchval(f"{WAITING} AND query ~ $1", about) >= many)

    await until(enough, f"{many} wait for a lock")
