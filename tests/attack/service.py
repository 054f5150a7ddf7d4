"""The real service, as an operator starts it: a process group of its own, which a test may stop, freeze and kill.

Only processes that were started here are ever signalled, and none outlives its test.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.attack.cluster import stop_postgres
from tests.attack.processes import PATIENCE, command, frozen, processes, until

ROOT = Path(__file__).parents[2]
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
QUICK = {
    # Another code may be asked for at once, and mailed: what is tried here is not how long the pauses are.
    "GATEHOUSE_MFA__RESEND_AFTER": "0.001",
    "GATEHOUSE_MFA__REPLACED_FACTOR_RESTS": "0.001",
    "GATEHOUSE_MFA__LOCK_AT": "100",
    "GATEHOUSE_MFA__PASSWORD_EXPIRES_AT": "100",
    "GATEHOUSE_LIMITS__LOGIN": "record_only",
    "GATEHOUSE_LIMITS__ACCOUNT_CHANGES": "10000/hour",
    "GATEHOUSE_LIMITS__ACCOUNT_NOTICES": "10000/hour",
    "GATEHOUSE_SMS_LIMITS__MODE": "record_only",
    "GATEHOUSE_REGISTRATION__MAILS": "1000000/minute",
    "GATEHOUSE_LOGS__FORMAT": "json",
}

_TIMES = re.compile(r'"times":"(\d+)"')


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Service:
    """`gatehouse serve` on *folder*, from the code in *root*; without a *database* it brings its own, as `make run` does."""

    folder: Path
    workers: int = 2
    database: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    root: Path = ROOT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    async def start(self) -> None:
        """Start it, and wait until every worker answers."""
        arguments = [sys.executable, "-m", "app.cli", "serve", "--port", str(self.port), "--workers", str(self.workers)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220  a moment
                arguments, cwd=self.root, env=self._environment(), stdout=log, stderr=log, start_new_session=True
            )
        await until(self._is_ready, "the service is ready")
        for worker in self.worker_ids() if self.workers > 1 else []:
            with self.only(worker):
                assert (await fetch(f"{self.url}/readyz")).status_code == 200

    async def stop(self) -> None:
        """Stop it as an operator does, by SIGTERM, and wait until everything has ended by itself."""
        if self.process:
            self.process.terminate()
            await until(lambda: not self.members(), "the service has ended")
            self._bury()

    async def kill(self) -> None:
        """SIGKILL for the whole process group."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self._bury()
            await until(lambda: not self.members(), "the group is gone")

    async def kill_parent(self) -> None:
        """SIGKILL for the parent only; its workers are left to themselves."""
        assert self.process
        self.process.kill()
        await asyncio.to_thread(self.process.wait)

    def _bury(self) -> None:
        assert self.process
        self.process.wait(PATIENCE)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
        kept |= {"GATEHOUSE_ENVIRONMENT": "development", "GATEHOUSE_DATA_DIR": str(self.folder), **QUICK}
        if self.database:
            kept |= {"GATEHOUSE_DATABASE__URL": self.database, "GATEHOUSE_DATABASE__TLS": "disable"}
        return kept | dict(self.settings)

    async def _is_ready(self) -> bool:
        assert self.process
        assert self.process.poll() is None, f"the service did not start:\n{self.log.read_text()[-2000:]}"
        with suppress(httpx.TransportError):
            return (await fetch(f"{self.url}/readyz")).status_code == 200 and len(self.worker_ids()) == self.workers
        return False

    def members(self) -> list[int]:
        """Return the ids of the living processes in its process group."""
        return [pid for pid, _, group in processes() if self.process and group == self.process.pid]

    def worker_ids(self) -> list[int]:
        """Return the ids of the processes that answer requests."""
        if self.workers == 1:
            return self.members()
        return sorted(pid for pid in self.members() if b"spawn_main" in command(pid))

    @contextmanager
    def only(self, worker: int) -> Iterator[None]:
        """Let nobody but *worker* accept connections for a moment."""
        others = [pid for pid in self.worker_ids() if pid != worker]
        with frozen(others):
            yield

    def events(self, event: str, **facts: str) -> int:
        """Count how often the service's log tells of *event* with these facts; one line may tell of several times."""
        told = [f'"{event}"', *(f'"{name}":"{fact}"' for name, fact in facts.items())]
        lines = (line.replace('": "', '":"') for line in self.log.read_text().splitlines())
        found = (_TIMES.search(line) for line in lines if all(word in line for word in told))
        return sum(int(times[1]) if times else 1 for times in found)


@asynccontextmanager
async def serving(*, workers: int = 2, database: str | None = None, **settings: str) -> AsyncIterator[Service]:
    async with serving_from(ROOT, settings, workers=workers, database=database) as service:
        yield service


@asynccontextmanager
async def serving_from(
    root: Path, settings: Mapping[str, str], *, workers: int, database: str | None
) -> AsyncIterator[Service]:
    """Run a service in a new folder; in the end kill whatever is left of it, and remove its folder and database."""
    folder = Path(tempfile.mkdtemp(prefix="gh-"))
    service = Service(folder, workers=workers, database=database, settings=settings, root=root)
    try:
        await service.start()
        yield service
    finally:
        await service.kill()
        if (folder / "postgres" / "data").exists():
            stop_postgres(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def client(base_url: str = "", *, patience: float = 30) -> httpx.AsyncClient:
    """A client with no connections yet; making a TLS context for each would cost more than most requests."""
    return httpx.AsyncClient(base_url=base_url, timeout=patience, verify=NO_TLS)


async def fetch(url: str) -> httpx.Response:
    async with client(patience=5) as fresh:
        return await fresh.get(url)
