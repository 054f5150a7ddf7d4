"""`gatehouse serve`, started as people start it: it says what is wrong in a sentence and leaves nothing running."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.crypto.keys import new_secret_key
from app.store.migrate import head
from tests import postgres
from tests.cli.service import ROOT, free_port, run, serving, until
from tests.world import KEY

PRODUCTION = {
    "DATABASE__TLS": "disable",
    "SECRET_KEYS": KEY,
    "EMAIL__SMTP_URL": "smtp://127.0.0.1:1",
    "EMAIL__FROM": "Gatehouse <id@example.com>",
    "EMAIL__RESET_URL": "https://app.example.com/reset",
    "EMAIL__UNDO_URL": "https://app.example.com/undo-email",
    "SMS__PLIVO_AUTH_ID": "MA" + "X" * 18,
    "SMS__PLIVO_AUTH_TOKEN": "token",
    "SMS__PLIVO_SRC": "Gatehouse",
    "SMS__REGIONS": "US",
    "MFA__POLICY": "optional",
    "TOKENS__ISSUER": "https://login.example.com",
    "HTTP__PUBLIC_URL": "https://login.example.com",
}


def server_runs(folder: Path) -> bool:
    return (folder / "postgres" / "data" / "postmaster.pid").exists()


def test_on_a_fresh_machine_it_brings_its_own_database_and_key_and_takes_the_database_along(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        assert server_runs(tmp_path)
        key = (tmp_path / "secret_keys").read_text()
        assert (tmp_path / "secret_keys").stat().st_mode & 0o777 == 0o600
        service.process.terminate()
        assert service.process.wait(20) == 0
    assert not server_runs(tmp_path)
    with serving(tmp_path) as service:
        assert (tmp_path / "secret_keys").read_text() == key
        os.killpg(service.process.pid, signal.SIGINT)  # Ctrl-C
        assert service.process.wait(20) == 0
    assert not server_runs(tmp_path)


def test_a_taken_port_is_one_sentence(tmp_path: Path, database_url: str) -> None:
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable"}
    with serving(tmp_path, **given) as service:
        second = run("serve", "--port", str(service.port), ENVIRONMENT="development", DATA_DIR=str(tmp_path), **given)
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{service.port} (Address already in use)" in second.stderr
    assert second.stderr.endswith("Choose another: set GATEHOUSE_HTTP__PORT, which `make run` takes too, or --port.\n")


def test_a_host_that_is_none_is_told_of_as_such(tmp_path: Path) -> None:
    for host in ("nosuchhost.invalid", "a..b", "192.0.2.1"):
        refused = run("serve", "--host", host, ENVIRONMENT="development", DATA_DIR=str(tmp_path))
        assert (refused.returncode, refused.stderr) == (
            2,
            f"GATEHOUSE_HTTP__HOST: {host} is no address of this machine. 0.0.0.0 is all of them.\n",
        )


def test_the_containers_health_check_passes_while_it_serves_and_fails_afterwards(
    tmp_path: Path, database_url: str
) -> None:
    found = re.search(r'HEALTHCHECK .*?"-c", "(.*?)"\]', (ROOT / "Dockerfile").read_text(), re.DOTALL)
    assert found
    check = [sys.executable, "-c", found[1].replace("\\\n", "")]
    with serving(tmp_path, DATABASE__URL=database_url, DATABASE__TLS="disable") as service:
        environment = {"GATEHOUSE_HTTP__PORT": str(service.port)}
        assert subprocess.run(check, check=False, env=environment).returncode == 0
    assert subprocess.run(check, check=False, env=environment, capture_output=True).returncode != 0


def test_what_the_server_cannot_read_never_reaches_the_service_and_is_400_in_plain_text(
    tmp_path: Path, database_url: str
) -> None:
    """The one refusal without a code, as README.md and docs/frontend.md say."""
    with serving(tmp_path, DATABASE__URL=database_url, DATABASE__TLS="disable") as service:
        for line in (b"HUNTER2 /livez HTTP/1.1", b"hunter2", b"GET /livez HUNTER2/1.1"):
            with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
                connection.sendall(line + b"\r\nHost: 127.0.0.1\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(4096), b""))
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert b"\r\ncontent-type: text/plain; charset=utf-8\r\n" in answer
            assert b"hunter2" not in answer.lower()


def test_workers_end_with_a_killed_parent_and_the_next_start_takes_over(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as service:
        service.process.kill()
        service.process.wait()
        until(lambda: not service.answers())
        assert server_runs(tmp_path)  # kill -9 leaves the database behind
        with serving(tmp_path, "--workers", "2") as again:
            again.process.terminate()
            assert again.process.wait(20) == 0
        assert not server_runs(tmp_path)


async def test_production_serves_only_a_migrated_schema(tmp_path: Path, postgres_url: str) -> None:
    url = await postgres.create(postgres_url, "unmigrated")
    given = {"ENVIRONMENT": "production", **PRODUCTION, "DATABASE__URL": url}
    refused = run("serve", "--port", str(free_port()), **given)
    assert (refused.returncode, refused.stderr) == (
        2,
        "The database's schema is older than this code: run `gatehouse migrate` first.\n",
    )
    assert run("migrate", **given).stdout == f"The schema is at revision {head()}.\n"
    with serving(tmp_path, **given) as service:
        assert service.answers()
    await postgres.drop(postgres_url, "unmigrated")


def test_settings_that_cannot_work_are_one_sentence(tmp_path: Path, database_url: str) -> None:
    given = {"ENVIRONMENT": "development", "DATA_DIR": str(tmp_path), "DATABASE__URL": database_url}
    port = str(free_port())
    refused = run("serve", "--port", port, **given, DATABASE__TLS="disable", EMAIL__SMTP_URL="nonsense")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert refused.stderr.startswith("GATEHOUSE_EMAIL__SMTP_URL is not an SMTP address")


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.attack)])
def test_an_app_that_cannot_start_is_not_started_again_and_again(
    tmp_path: Path, database_url: str, workers: str
) -> None:
    """The signing keys in the database are sealed by a key that is not on the ring any more."""
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable"}
    with serving(tmp_path, SECRET_KEYS=KEY, **given):
        pass
    port = str(free_port())
    stranger = {"ENVIRONMENT": "development", "DATA_DIR": str(tmp_path), "SECRET_KEYS": new_secret_key()}
    refused = run("serve", "--port", port, "--workers", workers, **stranger, **given)
    assert refused.returncode == 2
    assert refused.stderr.count("put the key that sealed them back into GATEHOUSE_SECRET_KEYS") == 1
    assert "Traceback" not in refused.stderr + refused.stdout


def test_the_document_is_printed_without_a_database_and_in_any_environment() -> None:
    for environment in ({}, {"ENVIRONMENT": "production"}):
        printed = run("openapi", **environment)
        assert printed.returncode == 0, printed.stderr
        assert '"/login"' in printed.stdout


def test_a_region_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    given = {"ENVIRONMENT": "development", "DATA_DIR": str(tmp_path), "SMS__REGIONS": "XX"}
    refused = run("serve", "--port", str(free_port()), **given)
    told = "GATEHOUSE_SMS__REGIONS: write regions as ISO 3166 does, such as US, GB or DE.\n"
    assert (refused.returncode, refused.stderr) == (2, told)


def test_a_malformed_limit_is_one_sentence_before_anything_is_begun(tmp_path: Path) -> None:
    given = {"ENVIRONMENT": "development", "DATA_DIR": str(tmp_path), "LIMITS__LOGIN_FAILURES": "100"}
    refused = run("serve", "--port", str(free_port()), **given)
    told = "GATEHOUSE_LIMITS__LOGIN_FAILURES: A limit is written like 5/minute;20/hour, each window once.\n"
    assert (refused.returncode, refused.stderr) == (2, told)
    assert list(tmp_path.iterdir()) == []


def test_faults_of_the_settings_are_told_before_the_port_is_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {"ENVIRONMENT": "development", "DATA_DIR": str(tmp_path), "MFA__FACTORS": "fax"}
        refused = run("serve", "--port", str(taken.getsockname()[1]), **given)
    assert (refused.returncode, refused.stderr) == (2, "GATEHOUSE_MFA__FACTORS: choose among sms, totp.\n")
