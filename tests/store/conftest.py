"""Folders of embedded servers, ready to be started."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedPostgres
from tests.store.users import is_running


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose server was started and stopped once: copying it is faster than initdb."""
    folder = tmp_path_factory.mktemp("cluster")
    with EmbeddedPostgres(folder, throwaway=True):
        pass
    return folder


@pytest.fixture
def folder(cluster: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of one's own; what a failed test leaves running in it is stopped."""
    copy = shutil.copytree(cluster, tmp_path / "pg")
    yield copy
    if is_running(copy):
        with EmbeddedPostgres(copy):
            pass
