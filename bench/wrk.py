"""wrk drives what is quick: it is compiled, and takes a fifth of what it loads. What is slow is driven by `bench.journeys`."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine import Costs, Meter

SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class Ask:
    path: str
    token: str = ""
    method: str = "GET"
    body: str = ""

    def __str__(self) -> str:
        return f"{self.method}\t{self.path}\t{self.token}\t{self.body}"


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. *failed*: answers other than 2xx and 3xx, and none at all."""

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float
    costs: Costs

    @property
    def a_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Of the server's processes, for one request."""
        return self.costs.server / self.requests * 1e6

    @property
    def database_cpu_us(self) -> float:
        return self.costs.database / self.requests * 1e6


def missing() -> str | None:
    """A sentence, when wrk is not there."""
    return None if shutil.which("wrk") else "wrk is not installed: `apt-get install wrk`."


async def drive(
    url: str, asks: Sequence[Ask], meter: Meter, *, seconds: int, connections: int = 32, follow: bool = False
) -> Load:
    """Load *url* with *asks* in turn; with *follow*, each connection keeps the session of one of them alive."""
    threads = connections if follow else 1
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write("\n".join(map(str, asks)) + "\n")
        file.flush()
        options = ["-t", threads, "-c", connections, "-d", f"{seconds}s", "--timeout", "10s", "-s", SCRIPT, url, "--"]
        meter.start()
        run = await asyncio.create_subprocess_exec(
            "wrk", *map(str, [*options, file.name, "follow" if follow else ""]), stdout=asyncio.subprocess.PIPE
        )
        told, _ = await run.communicate()
        costs = meter.stop()
    if run.returncode:
        raise RuntimeError(f"wrk ended with {run.returncode}")
    return Load(**json.loads(told.splitlines()[-1]), costs=costs)
