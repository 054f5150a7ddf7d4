"""What processes cost: CPU seconds and memory, read from /proc."""

import os
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")

Processes = Callable[[], Iterable[int]]


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds."""

    server: float
    database: float


@dataclass
class Meter:
    server: Processes
    database: Processes
    _begun: dict[int, float] = field(default_factory=dict)

    def start(self) -> None:
        self._begun = {pid: cpu(pid) for pid in (*self.server(), *self.database())}

    def stop(self) -> Costs:
        return Costs(
            *(sum(cpu(pid) - self._begun.get(pid, 0.0) for pid in of()) for of in (self.server, self.database))
        )


def cpu(pid: int) -> float:
    """Seconds that *pid* ran until now; 0 when it has ended."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / _TICKS


def resident(pid: int) -> float:
    """MiB in memory now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def description() -> dict[str, object]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
