"""What is measured, running: the service with its workers, the limit applications, and one PostgreSQL for all of them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.settings import Settings
from bench.machine import Meter
from tests.attack.cluster import Cluster, postgres, postgres_processes
from tests.attack.processes import until
from tests.attack.service import ROOT, Service, fetch, free_port
from tests.world import KEY, settings_for

PRODUCTION = {
    # The defaults of production, where the drills' service has others.
    "GATEHOUSE_LIMITS__LOGIN": "enforce",
    # But this one: the load comes from one address, and would meet the limits of a network and nothing behind them.
    "GATEHOUSE_LIMITS__NETWORK": "record_only",
    "GATEHOUSE_MFA__LOCK_AT": "10",
    "GATEHOUSE_MFA__PASSWORD_EXPIRES_AT": "20",
    "GATEHOUSE_SECRET_KEYS": KEY,
    # In development each port is an issuer of its own; here one's tokens are good at the other.
    "GATEHOUSE_TOKENS__ISSUER": "http://127.0.0.1:8000",
}


@dataclass
class LimitApp:
    """`uvicorn bench.limit_apps:…`, one worker, run as the service is."""

    name: str
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        options = ["--factory", "--port", str(self.port), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uvicorn", f"bench.limit_apps:{self.name}", *options, "--no-server-header"),
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await until(self._answers, f"{self.name} answers")

    async def _answers(self) -> bool:
        try:
            return bool((await fetch(f"{self.url}/session")).status_code)
        except OSError:
            return False
        except Exception as refused:  # noqa: BLE001  httpx has a class for every way of not being there yet
            return "onnect" not in type(refused).__name__

    async def stop(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    def processes(self) -> list[int]:
        return [self.process.pid] if self.process else []


@dataclass(frozen=True)
class Place:
    """One database, and what is run on it."""

    cluster: Cluster
    folder: Path

    def environment(self) -> dict[str, str]:
        given = {"ENVIRONMENT": "development", "DATA_DIR": str(self.folder), "LOGS__FORMAT": "json"}
        given |= {"DATABASE__URL": self.cluster.url, "DATABASE__TLS": "disable"}
        return {f"GATEHOUSE_{name}": value for name, value in given.items()} | PRODUCTION

    def settings(self) -> Settings:
        return settings_for(self.cluster.url, self.folder)

    @asynccontextmanager
    async def service(self, workers: int = 1, **settings: str) -> AsyncIterator[Service]:
        service = Service(self.folder, workers, self.cluster.url, PRODUCTION | settings)
        try:
            await service.start()
            yield service
        finally:
            await service.kill()

    @asynccontextmanager
    async def limit(self, name: str) -> AsyncIterator[LimitApp]:
        app = LimitApp(name, self.environment())
        try:
            await app.start()
            yield app
        finally:
            await app.stop()

    def meter(self, of: Service | LimitApp) -> Meter:
        server = of.processes if isinstance(of, LimitApp) else of.members
        return Meter(server, lambda: postgres_processes(self.cluster.server.folder))


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """A PostgreSQL whose commits wait for the disk, as in production."""
    async with postgres(durable=True) as cluster:
        yield Place(cluster, folder)
