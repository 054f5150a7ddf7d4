"""Commands run in this process, too, and configure the logs: on a stream that is closed when they are done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verbs import on_database
from tests.world import logs_as_before


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """As before, or whoever logs next would write to that stream."""
    with logs_as_before():
        yield


@pytest.fixture
def beside_the_service(tmp_path: Path, database_url: str) -> Iterator[None]:
    with on_database(database_url, tmp_path):
        yield
