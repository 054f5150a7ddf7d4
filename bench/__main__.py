"""`python -m bench [--smoke] [--only NAME …] [--out FOLDER]`: starts all it needs, measures, and writes what came of it."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import asking, life, logins, reads, report, scale, wrk
from bench.machine import description
from bench.places import Place, place
from bench.rows import SMOKE, Effort, Row

Measure = Callable[[Place, Effort], AsyncIterator[Row]]
MEASURES: dict[str, Measure] = {
    "session": reads.one_worker,
    "workers": reads.two_workers,
    "me": reads.profile,
    "refresh": reads.refreshes,
    "statements": asking.statements,
    "login": logins.logins,
    "refused": logins.refusals,
    "storm": logins.storm,
    "memory": life.memory,
    "start": life.start,
    "scale": scale.scale,
}
_LONG = {"scale"}
"""Measured when they are named: a million people take a quarter of an hour to settle."""


async def measure(names: list[str], effort: Effort) -> list[Row]:
    folder, rows = Path(tempfile.mkdtemp(prefix="ghb-")), []
    try:
        async with place(folder) as here:
            async with here.service():
                pass  # brings the schema
            for name in names:
                async for row in MEASURES[name](here, effort):
                    rows.append(row)
                    print(f"{'met   ' if row.met else 'missed'} {row.ratio:9.3g} {row.goal:>8}  {row.name}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a moment of each: whether it runs, not how fast")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=[name for name in MEASURES if name not in _LONG])
    parser.add_argument("--out", type=Path, default=Path(".data/bench"))
    given = parser.parse_args()
    if sentence := wrk.missing():
        sys.exit(sentence)
    about = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load generator": "wrk", **description()}
    rows = asyncio.run(measure(given.only, SMOKE if given.smoke else Effort()))
    report.write(given.out, rows, about)
    print(f"\n{report.table(rows)}\n{given.out}/bench.json, bench.md, bench.svg")


if __name__ == "__main__":
    main()
