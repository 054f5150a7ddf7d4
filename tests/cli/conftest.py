"""Commands run in this process, too, and configure the logs: on a stream that is closed when they are done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.verbs import on_database
from tests.world import own_logging


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Or whoever logs next would write to that stream."""
    before = structlog.get_config()
    with own_logging():
        yield
    structlog.configure(**before)


@pytest.fixture
def beside_the_service(tmp_path: Path, database_url: str) -> Iterator[None]:
    with on_database(database_url, tmp_path):
        yield
