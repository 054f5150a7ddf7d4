"""A real PgBouncer in transaction mode between the service and a database: few connections there, shared by many here."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.store.binaries import Account, find_account, find_programs
from tests.attack.cluster import Cluster, socket_folder
from tests.attack.processes import PATIENCE, until
from tests.attack.service import free_port

PGBOUNCER = shutil.which("pgbouncer") or next((path for path in ("/usr/sbin/pgbouncer",) if Path(path).exists()), None)
SHARED = 5
"""Connections to the database, all clients together: fewer than one worker has."""
_CONFIGURATION = """
[databases]
gatehouse = host={there} port=5432 dbname=gatehouse user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
logfile = {folder}/log
pidfile = {folder}/pid
auth_type = any
pool_mode = transaction
default_pool_size = {shared}
max_client_conn = 200
"""


@dataclass
class PgBouncer:
    folder: Path
    account: Account
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/gatehouse"

    async def start(self) -> None:
        assert PGBOUNCER
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: ASYNC220  a moment
                [*self.account.prefix, PGBOUNCER, self.folder / "ini"],
                stdout=output,
                stderr=output,
                user=self.account.uid,
                group=self.account.gid,
                start_new_session=True,
            )
        await until(self._listens, "pgbouncer listens")

    def stop(self) -> None:
        """At once: whoever is connected is cut off."""
        if self.process:
            self.process.kill()
            self.process.wait(PATIENCE)

    def _listens(self) -> bool:
        assert self.process
        assert self.process.poll() is None, (self.folder / "output").read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@asynccontextmanager
async def pgbouncer(cluster: Cluster) -> AsyncIterator[PgBouncer]:
    """It refuses to be root, as PostgreSQL does, and steps aside as that does; nothing is left of it."""
    folder = Path(tempfile.mkdtemp(prefix="ghb-"))
    bouncer = PgBouncer(folder, find_account(folder, find_programs()))
    given = {"there": socket_folder(cluster.url), "port": bouncer.port, "folder": folder, "shared": SHARED}
    (folder / "ini").write_text(_CONFIGURATION.format(**given))
    try:
        await bouncer.start()
        yield bouncer
    finally:
        bouncer.stop()
        shutil.rmtree(folder, ignore_errors=True)
