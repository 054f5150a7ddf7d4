"""The pages that people read: lines that fit an editor, and links that lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def prose(page: Path) -> Iterator[str]:
    """Without code and tables, which do not wrap."""
    code = False
    for line in page.read_text().splitlines():
        code ^= line.startswith("```")
        if not code and not line.lstrip().startswith(("|", "```")) and not line.startswith("    "):
            yield line


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_line_fits_an_editor(page: Path) -> None:
    assert [line for line in prose(page) if len(line) > 120] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = _LINK.findall(page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
