"""docs/threat-model.md: every threat names what stops it and a test that is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
THREATS = PAGE.partition("## Threats\n")[2].partition("\n## ")[0]
ROWS = [row for row in re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", THREATS, re.MULTILINE) if row[0] != "threat"]


@pytest.fixture(scope="module")
def collected() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in (ROOT / "tests").rglob("test_*.py")]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name.removeprefix("test_") for tree in trees for node in tree.body if isinstance(node, functions)}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_threat_is_stopped_by_something_that_a_test_shows(collected: set[str], row: tuple[str, str, str]) -> None:
    _, stops, shown = row
    names = re.findall(r"`(\w+)`", shown)
    assert names
    assert [name for name in names if name not in collected] == []
    assert len(stops) > 7


def test_there_are_as_many_as_it_takes_and_what_is_accepted_is_told() -> None:
    assert len(ROWS) > 40
    assert len(re.findall(r"^\* \*\*", PAGE.partition("## What is accepted")[2], re.MULTILINE)) > 5
