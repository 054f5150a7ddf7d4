"""docs/asvs.md says what is so: it is made of asvs.toml, what it names exists, and no applicable row of levels 1 and 2 is silent."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.house.asvs import ROOT, Row, anchor, document, headings, rows

ROWS = rows()
PAGE = ROOT / "docs" / "asvs.md"


@cache
def collected(path: Path) -> frozenset[str]:
    """Those that pytest collects: functions of modules, and of no class, as everywhere here."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, functions)}
    return frozenset(name for name in names if name.startswith("test_"))


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == document(), "run: .venv/bin/python -m tests.house.asvs > docs/asvs.md"


def test_every_row_of_the_list_is_there_once() -> None:
    assert len(ROWS) == 251
    assert len({row.id for row in ROWS}) == 251
    assert {row.level for row in ROWS} == {1, 2, 3}
    assert all(row.chapter.startswith(f"{row.id.partition('.')[0]} ") for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_what_a_row_names_exists(row: Row) -> None:
    for target in row.shown:
        path, _, name = target.partition("::")
        if name:
            assert (ROOT / path).is_file(), target
            assert name in collected(ROOT / path), target
        else:
            page, _, heading = target.partition("#")
            assert heading in headings(ROOT / page), target


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_a_row_is_shown_or_says_why_not(row: Row) -> None:
    assert row.shown or row.gap or row.no
    assert not (row.no and (row.shown or row.gap))
    assert all(text == "" or text.endswith(".") for text in (row.gap, row.note, row.no))


@pytest.mark.parametrize("row", [row for row in ROWS if row.level < 3 and row.applies], ids=lambda row: row.id)
def test_an_applicable_row_of_levels_1_and_2_has_a_test_or_a_page(row: Row) -> None:
    assert row.shown


def test_gaps_are_told_openly() -> None:
    told = PAGE.read_text().partition("## Gaps")[2].partition("\n## ")[0]
    assert [row.id for row in ROWS if row.gap and f"| {row.id} |" not in told] == []


def test_an_anchor_is_as_github_makes_it() -> None:
    assert anchor("Who may call what") == "who-may-call-what"
    assert anchor("1. Run it") == "1-run-it"
