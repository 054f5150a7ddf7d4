"""The dashboard and the alerts ask for metrics that exist, by labels that these have; and the page tells of each."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from app.watch import metrics
from tests.measures import labels_by_metric

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "examples" / "grafana" / "gatehouse.json"
ALERTS = ROOT / "examples" / "prometheus" / "alerts.yml"
PAGE = ROOT / "docs" / "monitoring.md"
_NAME = re.compile(r"\b(gatehouse_\w+)(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPED = re.compile(r"by \(([^)]*)\)")
_SCRAPED = {"job", "instance"}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for rule in rules():
        yield rule["alert"], rule["expr"]


@pytest.mark.parametrize(("title", "query"), list(queries()))
def test_a_query_names_metrics_and_labels_that_exist(title: str, query: str) -> None:
    known = labels_by_metric()
    named = _NAME.findall(query)
    assert named, title
    for name, selector in named:
        assert name in known, name
        assert set(_LABEL.findall(selector)) <= known[name] | _SCRAPED, query
    grouped = {label.strip() for labels in _GROUPED.findall(query) for label in labels.split(",")}
    assert all(grouped <= known[name] | _SCRAPED for name, _ in named), query
    assert query.count("(") == query.count(")")


def test_what_is_counted_is_asked_for_as_a_rate() -> None:
    for title, query in queries():
        for name in re.findall(r"(gatehouse_\w+_(?:total|bucket))", query):
            assert re.search(rf"(rate|increase)\({name}", query), (title, name)


def test_panels_do_not_overlap_and_have_one_data_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_an_alert_says_how_urgent_it_is_and_what_it_means() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")


def test_what_an_alert_takes_the_increase_of_is_there_from_the_start() -> None:
    """Else a single burst is no increase: its series begins with it."""
    metrics.begin()
    for rule in rules():
        for name, selector in re.findall(r"increase\((gatehouse_\w+)\{([^}]*)\}", rule["expr"]):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', selector))
            assert REGISTRY.get_sample_value(name, labels) is not None, rule["alert"]


def test_no_answer_at_all_is_no_absent_number() -> None:
    (unanswered,) = [rule["expr"] for rule in rules() if rule["alert"] == "GatehouseSmsUnanswered"]
    assert re.search(r'^\(sum\(rate\([^)]*"verified"[^)]*\)\) or vector\(0\)\)\s*/', unanswered)


def test_the_page_has_a_row_for_each_metric_with_its_labels() -> None:
    rows = dict(re.findall(r"^\| `(gatehouse_\w+)` \|([^|]*)\|", PAGE.read_text(), re.MULTILINE))
    told = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows.items()}
    known = labels_by_metric()
    bare = {re.sub(r"_(sum|count)$", "", name): labels for name, labels in known.items() if "le" not in labels}
    assert told == bare
