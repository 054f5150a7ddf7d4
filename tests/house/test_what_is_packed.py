"""What leaves the repository: the service and nothing else; and what is in it holds nobody's secret."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = {".venv", ".git", ".data", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__"}
KEYS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[ps]_[A-Za-z0-9]{36}\b|\bxox[bp]-\d|\bsk_live_\w{16}"
)
SECRET = re.compile(
    r"(?:SECRET_KEYS|AUTH_TOKEN|WEBHOOK_SECRET|METRICS__TOKEN|PASSWORD)[\"']?\s*[=:][ \t]*[\"']?([\w+/=-]+)"
)
HARMLESS = {"make", "…", "choose", "gatehouse", "secret", "password"}


def files() -> Iterator[Path]:
    for path in ROOT.rglob("*"):
        if path.is_file() and not NOT_OURS & {*path.parts} and path.suffix not in {".pyc", ".png"}:
            yield path


def test_nothing_but_the_service_is_packed() -> None:
    """V13.4.1, V15.2.3: neither tests nor version control reach a wheel or an image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["app*", "migrations*"]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert let_in == {"app", "migrations", "requirements", "pyproject.toml", "README.md", "LICENSE"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert {name.rstrip("/") for line in copied for name in line.split()} <= let_in


def test_what_is_packed_takes_nothing_from_the_tests() -> None:
    for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "migrations").rglob("*.py")]:
        assert not re.search(r"^\s*(?:from|import) tests\b", path.read_text(), re.MULTILINE), path


def test_no_secret_is_in_the_repository() -> None:
    """Keys of any form anywhere; values of secret settings outside of the tests, whose keys are everybody's."""
    for path in files():
        text = path.read_text(errors="ignore")
        assert not KEYS.search(text) or path == Path(__file__), path
        if "tests" not in path.relative_to(ROOT).parts and path.suffix in {
            "",
            ".yaml",
            ".yml",
            ".conf",
            ".example",
            ".service",
        }:
            assert [value for value in SECRET.findall(text) if value not in HARMLESS] == [], path


@pytest.mark.parametrize("leaked", ["SECRET_KEYS=mJzJ0nqcQ4m1Jt7VdXo9bq3u5Qk2Yh8LrWcE6sTfGvA", 'AUTH_TOKEN: "abc123"'])
def test_a_secret_would_be_found(leaked: str) -> None:
    assert SECRET.search(f"GATEHOUSE_{leaked}")
    assert KEYS.search("-----BEGIN EC PRIVATE KEY-----")
