"""`gatehouse serve` as people run it: a process of its own, on a free port, that a test may kill."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
GATEHOUSE = (sys.executable, "-m", "app.cli")
PATIENCE = 60.0


def environment(**variables: str) -> dict[str, str]:
    """The machine's, without anybody's Gatehouse in it."""
    machine = {name: value for name, value in os.environ.items() if not name.startswith("GATEHOUSE_")}
    return {**machine, "PYTHONPATH": str(ROOT), **{f"GATEHOUSE_{name}": value for name, value in variables.items()}}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of the operator's verbs to its end."""
    return subprocess.run(
        [*GATEHOUSE, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=PATIENCE,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Service:
    process: subprocess.Popen[bytes]
    port: int
    output: Path

    def answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/livez", timeout=1).status_code == 200
        return False

    def wait_until_ready(self) -> None:
        until(lambda: self.answers() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output.read_text()

    def stop(self) -> None:
        """As an operator would, so that the embedded database stops too; by force if that takes too long."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self.kill_group()

    def kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@contextmanager
def serving(folder: Path, *arguments: str, **variables: str) -> Iterator[Service]:
    """A service that is ready; nothing of it is left when the block ends."""
    port = free_port()
    variables = {"ENVIRONMENT": "development", "DATA_DIR": str(folder), **variables}
    command = [*GATEHOUSE, "serve", "--port", str(port), *arguments]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command, env=environment(**variables), stdout=output, stderr=output, start_new_session=True
        )
    service = Service(process, port, folder / "output")
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()
