"""Every attack on the list (attack_rows.toml) has a test that is named after it, and every such test can be collected."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = {
    row: attack
    for group in tomllib.loads((Path(__file__).parent / "attack_rows.toml").read_text()).values()
    for row, attack in group.items()
}
_ROW = re.compile(r"_(a\d{3})(?=_)")


def names() -> Iterator[str]:
    """Of the functions that pytest collects: those of modules and of no class, as everywhere here."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


@pytest.fixture(scope="module")
def shown() -> dict[str, list[str]]:
    """The tests that show each row."""
    found: dict[str, list[str]] = {}
    for name in names():
        for row in _ROW.findall(name):
            found.setdefault(row.upper(), []).append(name)
    return found


@pytest.mark.parametrize("row", ROWS, ids=[f"{row} {attack}" for row, attack in ROWS.items()])
def test_each_attack_has_a_test_of_its_name(shown: dict[str, list[str]], row: str) -> None:
    assert shown.get(row), f"no test_{row.lower()}_… shows: {ROWS[row]}"


def test_a_row_is_an_id_and_an_attack() -> None:
    assert len(ROWS) == 105
    assert all(re.fullmatch(r"A\d{3}", row) and attack for row, attack in ROWS.items())
