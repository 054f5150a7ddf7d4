"""Every refusal says why, and what a client should do: on its page, as data, and in docs/frontend.md."""

import re
from html import escape
from pathlib import Path

import pytest

from app.problems import catalogue
from tests.world import World

FRONTEND = (Path(__file__).parents[2] / "docs" / "frontend.md").read_text()
TABLE = FRONTEND.partition("## Every refusal\n")[2]


@pytest.mark.parametrize("code", sorted(catalogue()))
async def test_the_page_of_a_problem_says_why_and_what_to_do(world: World, code: str) -> None:
    kind = catalogue()[code]
    page = await world.client.get(f"/problems/{code}", headers={"Accept": "text/html"})
    data = await world.client.get(f"/problems/{code}", headers={"Accept": "application/json"})

    assert escape(kind.why) in page.text
    assert f"<h2>What to do</h2><p>{escape(kind.what_to_do)}</p>" in page.text
    assert (data.json()["why"], data.json()["what_to_do"]) == (kind.why, kind.what_to_do)
    assert kind.what_to_do.endswith(".")
    assert len(kind.what_to_do) > 20


def test_the_page_for_frontends_has_a_row_for_each() -> None:
    said = {
        code: (int(status), what)
        for code, status, what in re.findall(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", TABLE, re.MULTILINE)
    }
    assert said == {code: (kind.status, kind.what_to_do) for code, kind in catalogue().items()}
