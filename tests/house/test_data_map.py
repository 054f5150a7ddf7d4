"""The data map in docs/privacy.md is the schema's: no table and no column is held that it does not name, and none is made up."""

import re
from pathlib import Path

import pytest

from app.settings.retention import RetentionSettings
from app.store.tables import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
MAP = {row[1]: row for row in ROW.finditer(PAGE.partition("## Data map")[2].partition("## Erasure")[0])}


def test_every_table_is_on_the_map_and_no_other() -> None:
    assert {*MAP} == {*metadata.tables}


@pytest.mark.parametrize("name", metadata.tables)
def test_its_row_names_every_column_says_why_and_how_long(name: str) -> None:
    _, why, columns, how_long = MAP[name].groups()
    assert re.findall(r"`(\w+)`", columns) == [column.name for column in metadata.tables[name].c]
    assert len(why) > 20
    assert len(how_long) > 6


def test_every_retention_is_told() -> None:
    for field in RetentionSettings.model_fields:
        assert f"GATEHOUSE_RETENTION__{field.upper()}" in PAGE, field
