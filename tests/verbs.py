"""The operator's whole command line, in this process: it completes the environment, which is given back as it was."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from typer.testing import CliRunner, Result

from app.cli import VERBS, load
from tests.world import KEY, logs_as_before, own_logging

commands = load(VERBS)
THREAD = "verbs"
"""How the name of their thread begins."""
_thread = ThreadPoolExecutor(1, THREAD)


class _OwnLines:
    """A stream that takes what the thread writes that it was made in, and lets the rest go by."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        return self._stream.write(text) if threading.get_ident() == self._thread else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Runner(CliRunner):
    """A service in this process goes on, and logs where the verb does."""

    @contextmanager
    def isolation(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with super().isolation(*args, **kwargs) as streams:
            sys.stderr = cast("TextIO", _OwnLines(sys.stderr))
            yield streams


def run(*arguments: str, **variables: str) -> Result:
    """A verb, with *variables* by the settings' names besides."""
    os.environ |= {f"GATEHOUSE_{name}": value for name, value in variables.items()}
    return CliRunner().invoke(commands, arguments)


async def aside(*arguments: str, answer: str | bytes = "", **variables: str) -> Result:
    """As `run`, within a loop, in a thread: the verbs begin one of their own. Afterwards a service logs where it did before."""
    os.environ |= {f"GATEHOUSE_{name}": value for name, value in variables.items()}
    loop = asyncio.get_running_loop()
    with logs_as_before():
        return await loop.run_in_executor(_thread, lambda: _Runner().invoke(commands, arguments, input=answer))


@contextmanager
def environment(folder: Path, **given: str) -> Iterator[None]:
    """*given* by the settings' names, without their prefix."""
    before = dict(os.environ)
    given = {"ENVIRONMENT": "development", "DATA_DIR": str(folder), **given}
    os.environ |= {f"GATEHOUSE_{name}": value for name, value in given.items()}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def on_database(url: str, folder: Path, **given: str) -> Iterator[None]:
    """Where a service may run as well, whose logs go on."""
    given = {"DATABASE__URL": url, "DATABASE__TLS": "disable", "SECRET_KEYS": KEY, "LOGS__FORMAT": "json", **given}
    with environment(folder, **given), own_logging():
        yield
