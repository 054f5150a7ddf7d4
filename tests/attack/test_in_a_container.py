"""What the image promises, without a container engine: a user without rights, nothing writable but /tmp, and an end in time."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.cli.service import PATIENCE, Service, environment, free_port
from tests.cli.test_serving import PRODUCTION

pytestmark = pytest.mark.attack

USER = 10001
READ_ONLY = f"""
mount --make-rprivate / && mount -t tmpfs none "$1" && mount -o remount,bind,ro / && cd "$1" && shift || exit 99
if touch /written 2>/dev/null; then exit 98; fi
exec unshare --user --map-user={USER} --map-group={USER} -- "$@"
"""
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c", READ_ONLY, "sh")


def possible(folder: Path) -> bool:
    return subprocess.run([*NAMESPACE, folder, "true"], check=False, capture_output=True).returncode == 0


def contained(folder: Path, *verb: str) -> list[str | Path]:
    return [*NAMESPACE, folder, sys.executable, "-B", "-m", "app.cli", *verb]


async def test_production_migrates_serves_and_ends_where_nothing_can_be_written(
    tmp_path: Path, postgres_url: str
) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    if not possible(scratch):
        pytest.skip("no user namespaces here: a container engine, or a sandbox, forbids them")
    url, port = await postgres.create(postgres_url, "contained"), free_port()
    given = environment(**PRODUCTION, DATABASE__URL=url, HTTP__DRAIN="1", HTTP__PORT=str(port)) | {
        "TMPDIR": str(scratch)
    }
    migrated = subprocess.run(  # noqa: ASYNC221  nothing else runs here
        contained(scratch, "migrate"), check=False, env=given, capture_output=True, text=True, timeout=PATIENCE
    )
    assert migrated.returncode == 0, migrated.stderr
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220
            contained(scratch, "serve", "--workers", "2"),
            env=given,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    service = Service(process, port, tmp_path / "output")
    try:
        service.wait_until_ready()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, service.output.read_text()[-2000:]
        assert "Traceback" not in service.output.read_text()
    finally:
        service.kill_group()
        await postgres.drop(postgres_url, "contained")


def test_the_first_process_of_a_container_ends_when_it_is_told_to(tmp_path: Path) -> None:
    """The kernel spares it a SIGTERM that has no handler. `serve` has one, once it is loaded."""
    first = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--")
    if subprocess.run([*first, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here: a container engine, or a sandbox, forbids them")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a database that takes the connection, and says nothing
        silent.settimeout(PATIENCE)
        url = f"postgresql+asyncpg://gatehouse@127.0.0.1:{silent.getsockname()[1]}/gatehouse"
        given = environment(**PRODUCTION, DATABASE__URL=url)
        with (tmp_path / "output").open("wb") as output:
            process = subprocess.Popen(
                [*first, sys.executable, "-B", "-m", "app.cli", "migrate"], env=given, stdout=output, stderr=output
            )
        try:
            connection, _ = silent.accept()
            with connection:
                [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                os.kill(int(child), signal.SIGTERM)
                ended = process.wait(3)
        finally:
            process.kill()
            process.wait()
    assert ended == 143, (tmp_path / "output").read_text()


def test_the_image_says_so_too() -> None:
    lines = (Path(__file__).parents[2] / "Dockerfile").read_text().splitlines()
    last = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM")) :]
    assert f"USER {USER}:{USER}" in last
    assert "WORKDIR /tmp" in last
    assert any(line.startswith("HEALTHCHECK") for line in last)
    assert not any(line.startswith(("ADD", "VOLUME")) for line in last)
