"""What was measured, for programs (JSON), for the eye (a table) and at a glance (an SVG)."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from xml.sax.saxutils import escape

from bench.rows import Row

_LEFT, _WIDE, _HIGH = 470, 300, 26


def write(folder: Path, rows: Sequence[Row], about: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps({"about": about, "rows": [asdict(row) for row in rows]}, indent=1))
    (folder / "bench.md").write_text(table(rows))
    (folder / "bench.svg").write_text(plot(rows))


def table(rows: Sequence[Row]) -> str:
    lines = ["| what | measured | goal | |", "|---|---|---|---|"]
    lines += [f"| {row.name} | {row.ratio:.3g} | {row.goal} | {'met' if row.met else 'missed'} |" for row in rows]
    return "\n".join(lines) + "\n"


def plot(rows: Sequence[Row]) -> str:
    """A bar a row, as long as the figure is of its goal; the line is the goal."""
    parts = [_bar(nth, row) for nth, row in enumerate(rows)]
    high, goal = _HIGH * len(rows) + 10, _LEFT + _WIDE / 2
    parts.append(f'<line x1="{goal}" y1="0" x2="{goal}" y2="{high}" stroke="#333" stroke-dasharray="4"/>')
    size = f'width="{_LEFT + _WIDE + 70}" height="{high}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">{"".join(parts)}</svg>\n'


def _bar(nth: int, row: Row) -> str:
    wanted = float(row.goal.split()[1])
    long, y = min(row.ratio / wanted if wanted else row.ratio, 2) * _WIDE / 2, nth * _HIGH + 5
    colour = "#2a7d4f" if row.met else "#b5432f"
    words = f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(row.name)}</text>'
    bar = f'<rect x="{_LEFT}" y="{y}" width="{long:.0f}" height="{_HIGH - 8}" fill="{colour}"/>'
    return f'{words}{bar}<text x="{_LEFT + long + 6:.0f}" y="{y + 13}">{row.ratio:.3g}</text>'
