"""A streaming replica of a database that is started here, made with PostgreSQL's own programs, which a test may promote."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from app.store.binaries import Account, find_account, find_programs
from app.store.embedded import SETTINGS
from tests.attack.cluster import Cluster, postgres_processes, socket_folder, sql
from tests.attack.processes import living, until

STREAMING = "SELECT sync_state = 'sync' FROM pg_stat_replication"


@dataclass(frozen=True)
class Standby:
    """Each commit of the primary waits for it: what was acknowledged is here too."""

    folder: Path
    primary: Cluster
    account: Account

    @property
    def url(self) -> str:
        """Of both, as a service is told of them: whichever may be written to is used."""
        hosts = "&".join(f"host={quote(str(folder))}:5432" for folder in (socket_folder(self.primary.url), self.folder))
        return f"postgresql+asyncpg://postgres@/gatehouse?{hosts}&target_session_attrs=read-write"

    @property
    def own_url(self) -> str:
        return f"postgresql+asyncpg://postgres@/gatehouse?host={quote(str(self.folder))}&port=5432"

    def copy(self) -> None:
        self._run("pg_basebackup", "-h", socket_folder(self.primary.url), "-U", "postgres", "-R", "-c", "fast")

    def start(self) -> None:
        self._run("pg_ctl", "-w", "-o", f"-k {self.folder} {SETTINGS}", "start")

    def promote(self) -> None:
        self._run("pg_ctl", "-w", "promote")

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str | Path) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [find_programs() / program, "-D", self.folder / "data", *arguments]
            code = self.account.run(*command, folder=self.folder, output=log)
        assert code == 0, (self.folder / "log").read_text()[-2000:]


@asynccontextmanager
async def standby(primary: Cluster) -> AsyncIterator[Standby]:
    """One that streams, and without which the primary acknowledges nothing; nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="ghr-"))
    made = Standby(folder, primary, find_account(folder, find_programs()))
    try:
        await asyncio.to_thread(made.copy)
        await asyncio.to_thread(made.start)
        async with sql(primary.url) as connection:
            await connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await connection.execute("SELECT pg_reload_conf()")
            await until(lambda: connection.fetchval(STREAMING), "the replica streams")
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def crash(cluster: Cluster) -> None:
    """SIGKILL for the whole server."""
    postmaster, *others = postgres_processes(cluster.server.folder)
    os.kill(postmaster, signal.SIGKILL)
    await until(lambda: not {postmaster, *others} & living(), "the server and its children have ended")
