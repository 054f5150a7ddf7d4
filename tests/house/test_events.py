"""docs/events.md is the code's: every event, the facts it is noted with, what its user is shown of it, and its OCSF class."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import __version__
from app.events import Event
from app.watch.aggregated import AGGREGATED
from app.watch.event_catalogue import CATALOGUE, OTHER, OcsfClass
from app.watch.redaction import clean

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([a-z_.]+)` \| (.+) \| (.+) \| (.+) \| ([^|]+) \|$", re.MULTILINE)
PAGE = {row[1]: row.groups() for row in ROW.finditer((ROOT / "docs" / "events.md").read_text())}
KEYS = (Event.KEY_MADE, Event.KEY_ACTIVATED, Event.KEY_RETIRED, Event.KEY_REVOKED, Event.KEY_WITHDRAWN)
INDIRECT = {
    "app/flows/judging.py": (Event.CODE_REFUSED, Event.FACTOR_REFUSED),
    "app/flows/key_change.py": KEYS,
    "app/watch/floods.py": (Event.RECEIPT_REFUSED,),
}
"""Where the event is not named in the call: which ones it can be."""
PASSED_ON = {"app/watch/stuffing.py": "self._tell"}
"""Where facts are passed on as `**words`: the call that names them."""
ACTIVITIES = {
    OcsfClass.ACCOUNT_CHANGE: {*range(1, 12), OTHER},
    OcsfClass.AUTHENTICATION: {*range(1, 6), OTHER},
    OcsfClass.API_ACTIVITY: {*range(1, 5), OTHER},
}
"""Of OCSF 1.1.0."""


def calls(*functions: str, under: str = "app") -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / under).rglob("*.py")) if under == "app" else [ROOT / under]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in functions:
                yield str(path.relative_to(ROOT)), node


def named_by(path: str, call: ast.Call) -> set[str]:
    names = {keyword.arg for keyword in call.keywords}
    if None in names:
        names |= {keyword.arg for _, other in calls(PASSED_ON[path], under=path) for keyword in other.keywords}
    return {name for name in names if name}


def noted() -> dict[Event, set[str]]:
    """The facts that each event is noted with."""
    found: dict[Event, set[str]] = defaultdict(set)
    for path, call in calls("audit.note"):
        name = ast.unparse(call.args[0])
        events = (Event[name.removeprefix("Event.")],) if name.startswith("Event.") else INDIRECT.get(path, ())
        for event in events:
            found[event] |= named_by(path, call)
    for event in AGGREGATED:
        found[event] |= {"times", "since"}
    return found


NOTED = noted()


def named(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_the_page_has_every_event_and_no_other() -> None:
    assert {*PAGE} == {event.value for event in Event} == {event.value for event in CATALOGUE}
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", event.value) for event in Event)


def test_every_event_is_noted_somewhere_and_every_call_is_understood() -> None:
    assert {*NOTED} == {*Event}
    firsts = [(path, ast.unparse(call.args[0])) for path, call in calls("audit.note")]
    assert {path for path, first in firsts if not first.startswith("Event.")} == {*INDIRECT}


@pytest.mark.parametrize("event", Event, ids=str)
def test_its_row_is_what_the_code_does(event: Event) -> None:
    _, when, facts, shown, ocsf = PAGE[event.value]
    entry = CATALOGUE[event]
    assert len(when) > 8
    assert named(facts) == NOTED[event]
    assert (shown != "–") == (entry.shown is not None)
    assert named(shown) == {*(entry.shown or ())}
    failure = ", failure" if entry.failed else ""
    assert ocsf == f"{int(entry.ocsf)}/{entry.activity} {entry.severity.name.lower()}{failure}"


@pytest.mark.parametrize("event", Event, ids=str)
def test_no_fact_of_it_is_hidden_for_its_name(event: Event) -> None:
    facts = dict.fromkeys(named(PAGE[event.value][2]), "7")
    assert clean(facts) == facts


@pytest.mark.parametrize("event", Event, ids=str)
def test_what_a_user_is_shown_is_theirs_and_no_operators_words(event: Event) -> None:
    entry = CATALOGUE[event]
    assert entry.activity in ACTIVITIES[entry.ocsf]
    if entry.shown is None:
        return
    assert {*entry.shown} <= NOTED[event] - {"user_id", "session_id", "by"}
    assert "user_id" in NOTED[event]
    assert not ("by" in NOTED[event] and "reason" in entry.shown)


def test_the_version_is_the_packages() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
