"""Where the embedded server cannot run as it would: another account does, or a sentence says what to do."""

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import embedded
from app.store.binaries import UNSHARE, NoPostgres, find_account, find_programs
from app.store.embedded import EmbeddedPostgres
from tests.store.users import another_process, ask, first_line, is_running, socket_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root must step aside")
namespaces = pytest.mark.skipif(
    subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode != 0,
    reason="user namespaces are not to be had here",
)


def test_without_the_wheel_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(NoPostgres, match="set the URL, or install"):
        EmbeddedPostgres(tmp_path)


def test_a_server_that_cannot_start_tells_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "START_PATIENCE", 0.2)
    (folder / "data" / "PG_VERSION").write_text("9")
    with pytest.raises(NoPostgres, match=r"could not start: .*not compatible"):
        EmbeddedPostgres(folder).start()


def test_a_folder_that_cannot_be_filled_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "INITDB", ("--no-such-option",))
    with pytest.raises(NoPostgres, match=r"could not be initialized: .*no-such-option"):
        EmbeddedPostgres(tmp_path).start()


def test_a_server_that_takes_nobody_is_waited_for_and_not_left_running(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that allows no reading answers like one that recovers, for good."""
    (folder / "data" / "standby.signal").touch()
    (folder / "data" / "postgresql.auto.conf").write_text("hot_standby = off\n")
    with pytest.raises(NoPostgres, match="could not create its database"):
        EmbeddedPostgres(folder).start()
    assert not is_running(folder)
    programs = find_programs()
    start = (programs / "pg_ctl", "-D", folder / "data", "-w", "-o", f"-k {folder} -c listen_addresses=", "start")
    assert find_account(folder, programs).run(*start, folder=folder) == 0
    monkeypatch.setattr(embedded, "RECOVERY_PATIENCE", 0.2)
    with pytest.raises(NoPostgres, match="could not recover in time"):
        EmbeddedPostgres(folder).start()
    assert not is_running(folder)


@namespaces
async def test_an_ordinary_user_runs_it_as_himself(folder: Path) -> None:
    """In a user namespace of its own the process has an ordinary user's id, and owns what is ours."""
    with another_process(folder, *UNSHARE) as user:
        assert await ask(first_line(user), "SELECT 1") == 1
    assert not is_running(folder)


@namespaces
@as_root
def test_a_folder_of_another_user_is_one_sentence(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    with another_process(folder, *UNSHARE) as user:
        assert first_line(user) == f"{folder} belongs to another user: remove it, or set GATEHOUSE_DATA_DIR."


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody reaches; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@as_root
async def test_where_namespaces_are_forbidden_root_becomes_nobody(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not all(parent.stat().st_mode & 0o001 for parent in find_programs().parents):
        pytest.skip("the wheel lies where nobody may look")
    monkeypatch.setenv("PATH", "/nowhere")
    with EmbeddedPostgres(open_folder / "has a space", throwaway=True) as url:
        assert await ask(url, "SELECT 1") == 1
        owners = {path.stat().st_uid for path in (open_folder / "has a space" / "data", socket_folder(url))}
        assert owners == {pwd.getpwnam("nobody").pw_uid}


@as_root
def test_where_nobody_cannot_reach_it_root_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(NoPostgres, match="start as another user, or set GATEHOUSE_DATABASE__URL"):
        EmbeddedPostgres(closed / "pg").start()
