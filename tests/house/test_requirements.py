"""A178: nothing is installed that is not pinned by its hash, so a package that was swapped stops the build."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
_PINNED = re.compile(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,._-]+\])?==[0-9][^\s;]*( ; .+)?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_INSTALLS = re.compile(r"(?:uv )?pip (?:install|sync|wheel)[^\n|;&]*")


def requirements(lock: Path) -> list[tuple[str, list[str]]]:
    """Each requirement with its options; what is not one is a comment."""
    joined = re.sub(r"\s*\\\n\s*", " ", lock.read_text())
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.partition(" --")[0].strip(), re.findall(r"--\S+", line)) for line in lines]


def test_there_are_locks() -> None:
    assert {lock.stem for lock in LOCKS} == {path.stem for path in (ROOT / "requirements").glob("*.in")}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a178_every_requirement_is_one_version_with_its_hashes(lock: Path) -> None:
    found = requirements(lock)
    assert found
    for name, options in found:
        assert _PINNED.fullmatch(name), name
        assert options, name
        assert all(_HASH.fullmatch(option) for option in options), name


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a178_no_lock_names_a_place_to_fetch_from(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^-|--index|--find-links|--trusted|--extra", text, re.MULTILINE)


def test_a178_everything_that_is_named_is_locked() -> None:
    for wanted in (ROOT / "requirements").glob("*.in"):
        locked = {re.split(r"[\[=]", name)[0] for name, _ in requirements(wanted.with_suffix(".txt"))}
        for line in wanted.read_text().splitlines():
            if name := re.match(r"[A-Za-z0-9][\w.-]*", line):
                assert re.sub(r"[-_.]+", "-", name[0]).lower() in locked, line


@pytest.mark.parametrize("builds", ["Makefile", "Dockerfile", "requirements/fast-hash"])
def test_a178_what_installs_wants_the_hashes(builds: str) -> None:
    commands = _INSTALLS.findall((ROOT / builds).read_text().replace("\\\n", ""))
    assert commands
    for command in commands:
        assert "--require-hashes" in command or "--no-deps" in command, command
