"""The embedded server: several users, any folder, and whatever was killed before."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.binaries import NoPostgres
from app.store.embedded import EmbeddedPostgres
from tests.store.users import another_process, ask, first_line, is_running, server_pid, socket_folder


async def test_it_starts_from_nothing_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "new") as url:
        settings = "current_setting('server_version_num')::int / 10000, current_setting('max_connections')::int"
        assert await ask(url, f"SELECT array[{settings}]") == [18, 200]
        assert await ask(url, "SELECT current_setting('fsync')") == "on"
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not is_running(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    with EmbeddedPostgres(tmp_path / "new") as url:
        assert await ask(url, "SELECT answer FROM kept") == 42


async def test_only_a_throwaway_trades_durability_for_speed(folder: Path) -> None:
    with EmbeddedPostgres(folder, throwaway=True) as url:
        assert await ask(url, "SELECT current_setting('fsync')") == "off"


async def test_the_last_user_stops_it(folder: Path) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    assert first.start() == second.start()
    pid = server_pid(folder)
    with another_process(folder) as third:
        url = first_line(third)
        first.stop()
        second.stop()
        assert await ask(url, "SELECT 1") == 1
        assert server_pid(folder) == pid
    assert not is_running(folder)
    second.stop()  # leaving twice is leaving once


async def test_a_killed_server_is_started_again(folder: Path) -> None:
    with EmbeddedPostgres(folder) as url:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server_pid(folder), signal.SIGKILL)
        with EmbeddedPostgres(folder) as again:
            assert await ask(again, "SELECT answer FROM kept") == 42


async def test_the_server_of_a_killed_owner_is_taken_over_and_stopped(folder: Path) -> None:
    with another_process(folder) as owner:
        first_line(owner)
        owner.kill()
    pid = server_pid(folder)
    with EmbeddedPostgres(folder):
        assert server_pid(folder) == pid
    assert not is_running(folder)


async def test_a_left_over_pid_that_somebody_else_has_now_does_not_matter(folder: Path) -> None:
    stale = f"{os.getpid()}\n{folder / 'data'}\n1700000000\n5432\n{folder}\n\n"
    (folder / "data" / "postmaster.pid").write_text(stale)
    (folder / ".s.PGSQL.5432.lock").write_text(stale)
    with EmbeddedPostgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_a_killed_initdb_leaves_nothing_that_matters(tmp_path: Path) -> None:
    (tmp_path / "data.new" / "base").mkdir(parents=True)
    with EmbeddedPostgres(tmp_path, throwaway=True) as url:
        assert await ask(url, "SELECT 1") == 1
    assert not (tmp_path / "data.new").exists()


async def test_somebodys_shell_does_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOST": "/nowhere", "PGPORT": "1", "PGDATA": "/nowhere", "LC_ALL": "xx_XX"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1


@pytest.mark.parametrize("name", ["long" * 30, "has a space", "ümlaut,comma"])
async def test_where_no_socket_fits_it_goes_to_a_private_folder(cluster: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(cluster, tmp_path / name)
    with EmbeddedPostgres(folder) as url:
        assert await ask(url, "SELECT 1") == 1
        aside = socket_folder(url)
        assert aside.is_relative_to(tempfile.gettempdir())
        assert aside.stat().st_mode & 0o777 == 0o700
    assert not aside.exists()


@pytest.mark.parametrize("plant", [lambda path: path.mkdir(), lambda path: path.symlink_to(path.parent)])
def test_a_socket_folder_planted_by_somebody_is_not_used(
    cluster: Path, tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    folder = shutil.copytree(cluster, tmp_path / "a folder")
    with EmbeddedPostgres(folder) as url:
        aside = socket_folder(url)
    plant(aside)
    with pytest.raises(NoPostgres, match="is not a private folder of this user: remove it"):
        EmbeddedPostgres(folder).start()
    aside.unlink() if aside.is_symlink() else aside.rmdir()
