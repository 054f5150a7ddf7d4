"""docs/first-hour.md, done: its shell sections run one after the other, its test passes, its service refuses after a logout."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.service import ROOT, environment, free_port, serving

PAGE = (ROOT / "docs" / "first-hour.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the shell said, by line."""
    folder = tmp_path_factory.mktemp("hour")
    (folder / "test_signing_up.py").write_text(PYTHON[0])
    with serving(folder) as service:
        address = f"http://127.0.0.1:{service.port}"
        given = {"GATEHOUSE": address, "RESOURCE_PORT": str(free_port()), "TESTS": str(folder)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-m", "-c", "\n".join(SHELL)],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=240,
            env=environment() | given,
        )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_somebody_signs_in_with_a_password_and_then_with_a_second_factor(told: list[str]) -> None:
    assert {"authenticated", "urn:gatehouse:mfa"} <= {*told}
    assert any("mfa-pending token" in line for line in told)


def test_a_refusal_says_what_to_do(told: list[str]) -> None:
    assert "invalid_token" in told
    assert any("`POST /login`" in line for line in told)


def test_the_service_takes_the_token_until_the_logout(told: list[str]) -> None:
    assert any('"with_second_factor":true' in line for line in told)
    assert any(line.endswith("401") for line in told)


def test_its_test_passes(told: list[str]) -> None:
    assert any(line.startswith("1 passed") for line in told)


def test_production_says_what_is_missing(told: list[str]) -> None:
    assert any("GATEHOUSE_SECRET_KEYS" in line and "is not set" in line for line in told)


def test_only_the_server_itself_is_not_run_by_this_test() -> None:
    assert re.findall(r"```sh norun\n(.*?)```", PAGE, re.DOTALL) == ["make run\n"]
    assert len(PYTHON) == 1
    assert len(SHELL) >= 8
    assert (Path(ROOT) / "Makefile").read_text().count("\nrun: ") == 1
