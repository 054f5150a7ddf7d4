"""Log lines that a test can read, with the loggers as they were afterwards; and a throttle to guess against."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.settings.groups import LogSettings
from app.store.database import Database
from app.watch.logs import configure
from tests.standins.clock import ManualClock
from tests.watch.guesses import Guesses, throttle

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    levels = {name: logging.getLogger(name).level for name in ("", "urllib3", "asyncio", "httpx", "httpcore")}
    handlers, raising = logging.getLogger().handlers[:], logging.raiseExceptions
    yield io.StringIO()
    configure(LogSettings(), json=True)
    logging.getLogger().handlers[:], logging.raiseExceptions = handlers, raising
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    configure(LogSettings(level="DEBUG"), json=True, stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().split("\n") if line]


@pytest.fixture
def guesses(database: Database) -> Guesses:
    return Guesses(throttle(database), ManualClock())
