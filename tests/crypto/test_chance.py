"""Chance is drawn in one file; ids sort by time and cannot be guessed."""

import ast
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_, or_
from pathlib import Path
from uuid import RFC_4122

import pytest

import app
from app.crypto.chance import below, new_id, random_bytes

NOW = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
ROOMS = Path(app.__file__).parent
SOURCES = [path for path in sorted(ROOMS.rglob("*.py")) if path != ROOMS / "crypto" / "chance.py"]
CHANCE = {"random", "secrets"}
HIDDEN = {"urandom", "getrandom", "uuid1", "uuid4", "SystemRandom", "mktemp"}


def _chance_in(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & CHANCE
        elif isinstance(node, ast.ImportFrom):
            found |= ({node.module or ""} & CHANCE) | ({alias.name for alias in node.names} & HIDDEN)
        elif isinstance(node, ast.Attribute):
            found |= {node.attr} & HIDDEN
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOMS)))
def test_a068_chance_is_drawn_nowhere_else(path: Path) -> None:
    assert _chance_in(path.read_text()) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import random",
        "from secrets import token_hex",
        "import os\nos.urandom(8)",
        "from uuid import uuid4",
        "import secrets as s",
    ],
)
def test_the_scan_sees_chance(source: str) -> None:
    assert _chance_in(source)


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = new_id(NOW)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == int(NOW.timestamp() * 1000)
    assert str(made)[14] == "7"
    assert str(made)[19] in "89ab"


def test_rfc_9562_has_the_same_example() -> None:
    """RFC 9562 A.6: 2022-02-22 14:22:22.00 GMT-05:00 begins with 017F22E2-79B0."""
    made = new_id(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC))
    assert str(made).startswith("017f22e2-79b0-7")


def test_ids_sort_by_time() -> None:
    moments = [NOW + timedelta(milliseconds=n) for n in range(2000)]
    made = [new_id(moment) for moment in moments]
    assert sorted(made) == made
    assert sorted(map(str, made)) == list(map(str, made))


def test_ids_of_one_moment_differ_in_every_random_bit() -> None:
    made = [new_id(NOW).int for _ in range(10_000)]
    assert len(set(made)) == 10_000
    fixed = ~(reduce(or_, made) ^ reduce(and_, made)) & ((1 << 128) - 1)
    version, variant, time = 0xF << 76, 0b11 << 62, ((1 << 48) - 1) << 80
    assert fixed == time | version | variant


def test_bytes_and_numbers_are_what_was_asked_for() -> None:
    assert [len(random_bytes(count)) for count in (0, 1, 32)] == [0, 1, 32]
    assert len({random_bytes(16) for _ in range(1000)}) == 1000
    assert {below(3) for _ in range(200)} == {0, 1, 2}
