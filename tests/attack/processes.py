"""Lists, measures and freezes the processes that a test started."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 30.0


async def until(condition: Callable[[], object], wish: str, *, within: float = PATIENCE) -> float:
    """Wait for *condition*, and return how many seconds it took; fail if it does not come true *within* so many."""
    began = time.monotonic()
    while True:
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return time.monotonic() - began
        assert time.monotonic() - began < within, f"not within {within} s: {wish}"
        await asyncio.sleep(0.02)


@contextmanager
def frozen(processes: list[int]) -> Iterator[None]:
    """Stop the processes by SIGSTOP, and continue them by SIGCONT afterwards."""
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def peak_memory(process: int) -> float:
    """Return the most memory that the process ever held, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def living() -> set[int]:
    return {pid for pid, _, _ in processes()}


def processes() -> Iterator[tuple[int, int, int]]:
    """Yield id, parent and group of each living process of the machine."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, group = path.read_text().rpartition(")")[2].split()[:3]
            if state not in {"Z", "X"}:
                yield int(path.parent.name), int(parent), int(group)


def command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
