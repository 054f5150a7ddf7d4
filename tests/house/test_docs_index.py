"""docs/README.md leads to every page, README leads to it, and what stands first stays short."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
INDEX = (ROOT / "docs" / "README.md").read_text()
README = (ROOT / "README.md").read_text()


def test_every_page_is_in_the_index_once_and_says_what_it_is_for() -> None:
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    linked = re.findall(r"\]\((\w[\w-]*\.md)\)", INDEX)
    assert sorted(linked) == sorted(pages)
    assert all(re.search(r": \w", line) for line in INDEX.splitlines() if line.startswith("* "))


def test_the_readme_leads_to_the_index() -> None:
    assert "(docs/README.md)" in README


def test_the_features_of_the_readme_are_a_short_list() -> None:
    features = README.partition("## ")[0]
    assert 5 <= len([line for line in features.splitlines() if line.startswith(("* ", "  "))]) <= 15
