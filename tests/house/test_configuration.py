"""docs/configuration.md is generated: it must be current, and every setting must say what it is for."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.configuration import document
from app.cli.env_example import document as env_example
from tests.verbs import commands

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `(GATEHOUSE_\w+)` \| (.+?) \| (.*?) \| (.*) \|$", re.MULTILINE)
ROWS = {name: cells for name, *cells in ROW.findall(document())}


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == document(), "run: .venv/bin/python -m app.cli configuration > docs/configuration.md"


def test_the_command_prints_it() -> None:
    assert CliRunner().invoke(commands, ["configuration"]).stdout == document()


def test_it_names_every_setting_with_the_default_of_the_example() -> None:
    lines = [line[1:].split("=", 1) for line in env_example().splitlines() if line.startswith("#GATEHOUSE_")]
    assert dict(lines) == {name: cells[1].strip("`") for name, cells in ROWS.items()}


@pytest.mark.parametrize("name", ROWS)
def test_a_setting_says_what_it_is_for_and_what_it_takes(name: str) -> None:
    kind, _, what = ROWS[name]
    assert len(what) > 5
    assert kind
