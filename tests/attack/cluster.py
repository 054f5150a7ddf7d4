"""A PostgreSQL that is started here, queried directly beside the service, and stopped or crashed by a test."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from app.store.embedded import EmbeddedPostgres
from tests.attack.processes import processes


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that a service is pointed to."""

    server: EmbeddedPostgres
    url: str


@asynccontextmanager
async def postgres(*, durable: bool = False) -> AsyncIterator[Cluster]:
    """Run a PostgreSQL that a test may stop and start: fast, or *durable*, with commits that wait for the disk."""
    folder = Path(tempfile.mkdtemp(prefix="ghp-"))
    server = EmbeddedPostgres(folder, throwaway=not durable)
    try:
        yield Cluster(server, server.start())
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def stop_postgres(folder: Path) -> None:
    """Stop the server that a killed service left running for the next one: here no next one comes."""
    left = EmbeddedPostgres(folder)
    left.start()
    left.stop()


def socket_folder(database_url: str) -> Path:
    return Path(parse_qs(urlsplit(database_url).query)["host"][0])


@asynccontextmanager
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the database directly, not through the service."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


def postgres_processes(folder: Path) -> list[int]:
    """The postmaster of *folder* and its children, parent first."""
    postmaster = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    return [postmaster, *(pid for pid, parent, _ in processes() if parent == postmaster)]
