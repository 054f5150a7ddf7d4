"""A moment of the benchmark: that it measures what it says, not how fast anything is (the machines are shared and noisy)."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from bench import report
from bench.__main__ import MEASURES, measure
from bench.rows import SMOKE, Row

WITHOUT_WRK = {"refused", "start", "statements"}
"""What is slow enough to be driven from Python."""
QUICK = {"session", "refresh"}


async def test_it_measures_and_writes_what_came_of_it(tmp_path: Path) -> None:
    names = sorted(WITHOUT_WRK | (QUICK if shutil.which("wrk") else set()))
    rows = await asyncio.wait_for(measure(names, SMOKE), timeout=120)
    assert len(rows) >= len(names)
    assert all(row.ratio > 0 for row in rows if "÷" in row.name)  # a difference may drown in the noise
    assert [row.name for row in rows if ("statements" in row.name or "transactions" in row.name) and not row.met] == []
    report.write(tmp_path, rows, {"at": "now"})
    told = json.loads((tmp_path / "bench.json").read_text())
    assert [row["name"] for row in told["rows"]] == [row.name for row in rows]
    assert all(row.name in (tmp_path / "bench.md").read_text() for row in rows)


@pytest.mark.parametrize("met", [True, False])
def test_the_plot_and_the_table_say_whether_a_goal_was_met(met: bool) -> None:
    row = Row("GET /session ÷ <limit>", 0.9, ">= 0.85", met)
    assert ("met" if met else "missed") in report.table([row])
    assert "&lt;limit&gt;" in report.plot([row])


def test_every_measure_is_named_on_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "performance.md").read_text()
    assert [name for name in MEASURES if f"`{name}`" not in page] == []
