"""docs/asvs.md, made of asvs.toml: `python -m tests.house.asvs > docs/asvs.md`. What shows a row is named, and gaps are told."""

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).parents[2]
ROWS_FILE = Path(__file__).with_suffix(".toml")

HEADING = """\
# OWASP ASVS 5.0, row by row

Made by `python -m tests.house.asvs > docs/asvs.md` from `tests/house/asvs.toml`. A test keeps it true: each test and
heading that is named exists, and each applicable row of levels 1 and 2 has something to show or tells its gap.

The rows of the chapters that concern an API, in our own words: the standard's are at
[OWASP](https://owasp.org/www-project-application-security-verification-standard/). V5 (files), V17 (WebRTC) and what
else concerns neither this service nor its repository is left out. Nobody from outside has verified this.

**What is claimed.** Level 2, but for the gaps below, where `GATEHOUSE_MFA__POLICY=required`,
`GATEHOUSE_DEVICES__TRUST=false`, sessions are as short as
[NIST wants](authentication.md#sessions), `GATEHOUSE_PASSWORDS__BREACH_CHECK_URL` is set, `GATEHOUSE_DATABASE__TLS` is
not, and a proxy ends TLS. Of level 3 single rows are shown, and only with SMS
left out (`GATEHOUSE_MFA__FACTORS=totp`); level 3 as a whole is not claimed: there is no phishing-resistant factor.

What is tested under `tests/attack` is run by `make attack`, the rest by `make check`."""


@dataclass(frozen=True)
class Row:
    """`shown`: tests (`tests/x/test_y.py::test_z`) and headings (`docs/x.md#Heading`). `no`: why it does not apply."""

    chapter: str
    id: str
    level: int
    says: str
    shown: tuple[str, ...] = ()
    gap: str = ""
    note: str = ""
    no: str = ""

    @property
    def applies(self) -> bool:
        return not self.no


def rows() -> list[Row]:
    read = tomllib.loads(ROWS_FILE.read_text())
    return [_row(chapter, name, row) for chapter, table in read.items() for name, row in table.items()]


def _row(chapter: str, name: str, row: dict[str, Any]) -> Row:
    return Row(chapter, name, **{**row, "shown": tuple(row.get("shown", ()))})


def document() -> str:
    found = rows()
    parts = [HEADING, _counts(found), "## Gaps", _gaps(found)]
    for chapter in dict.fromkeys(row.chapter for row in found):
        lines = [_line(row) for row in found if row.chapter == chapter]
        parts += [
            f"## {chapter}",
            "\n".join(["| row | level | what it wants | what shows it |", "|---|---|---|---|", *lines]),
        ]
    return "\n\n".join(parts) + "\n"


def _counts(found: list[Row]) -> str:
    lines = ["| level | rows | do not apply | shown | shown in part | not there |", "|---|---|---|---|---|---|"]
    for level in (1, 2, 3):
        own = [row for row in found if row.level == level]
        whole = sum(1 for row in own if row.shown and not row.gap)
        part = sum(1 for row in own if row.shown and row.gap)
        none = sum(1 for row in own if row.applies and not row.shown)
        lines.append(f"| {level} | {len(own)} | {sum(not row.applies for row in own)} | {whole} | {part} | {none} |")
    return "\n".join(lines)


def _gaps(found: list[Row]) -> str:
    lines = [f"| {row.id} | {row.level} | {row.says} | {row.gap} |" for row in found if row.gap]
    return "\n".join(["| row | level | what it wants | what is missing |", "|---|---|---|---|", *lines])


def _line(row: Row) -> str:
    cells = [*map(_link, row.shown)]
    cells += [f"*Gap:* {row.gap}"] if row.gap else []
    cells += [f"*Note:* {row.note}"] if row.note else []
    cells += [f"Does not apply: {row.no}"] if row.no else []
    return f"| {row.id} | {row.level} | {row.says} | {'<br>'.join(cells)} |"


def _link(target: str) -> str:
    path, _, what = target.partition("::")
    if what:
        return f"[`{what}`](../{path})"
    page, _, heading = target.partition("#")
    relative = page.removeprefix("docs/") if page.startswith("docs/") else f"../{page}"
    return f"[{page}: {heading}]({relative}#{anchor(heading)})"


def anchor(heading: str) -> str:
    """As GitHub makes it."""
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return quote(kept.replace(" ", "-"))


def headings(page: Path) -> Iterator[str]:
    yield from (line.lstrip("#").strip() for line in page.read_text().splitlines() if line.startswith("#"))


if __name__ == "__main__":
    sys.stdout.write(document())
