"""docs/authentication.md, limits.md and input.md say what the app does: no route, limit or rule is missing or made up."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.api.guard import admissions
from app.cli.env_example import document
from app.settings import Settings
from tests.world import World

ROOT = Path(__file__).parents[2]
ACCESS, LIMITS, INPUT = ((ROOT / "docs" / f"{page}.md").read_text() for page in ("authentication", "limits", "input"))
TOKENS = {"AccessToken": "access", "PendingToken": "pending", "EnrollmentToken": "enrolment"}
OPERATION = re.compile(r"^\| `([A-Z]+ /\S*)` \| (.*) \| (.*) \|$", re.MULTILINE)
LIFE = re.compile(r"\| (\d+) ?(days|minutes|)[^|]* \| `GATEHOUSE_(\w+)` \|$", re.MULTILINE)
LIMIT = re.compile(r"^\| `(GATEHOUSE_\w+)` \| `(.+?)` \|", re.MULTILINE)


def section(page: str, heading: str) -> str:
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def documented(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in world.app.openapi()["paths"].items():
        yield from ((f"{method.upper()} {path}", operation) for method, operation in methods.items())


def codes(operation: dict[str, Any]) -> set[str]:
    contents = [content for answer in operation["responses"].values() for content in answer.get("content", {}).values()]
    return {code for content in contents for code in content.get("examples", {})}


def tokens(operation: dict[str, Any]) -> str:
    return " or ".join(TOKENS[scheme] for either in operation["security"] for scheme in either)


def proof(name: str, operation: dict[str, Any]) -> str:
    refused = codes(operation)
    if "stronger_factor_required" in refused:
        return "strongest"
    return "fresh" if "step_up_required" in refused and name != "POST /step-up" else ""


def test_who_may_call_what_is_what_the_guards_and_refusals_say(world: World) -> None:
    operations = dict(documented(world))
    guarded = {name for name, guard in admissions(world.app) if guard}
    is_so = {name: (tokens(operations[name]), proof(name, operations[name])) for name in guarded}
    said = {name: (token, proved) for name, token, proved in OPERATION.findall(section(ACCESS, "Who may call what"))}
    assert said == is_so


def test_there_is_no_way_to_an_access_token_but_the_documented_ones(world: World) -> None:
    schemas = world.app.openapi()["components"]["schemas"]
    granting = {name for name, schema in schemas.items() if "access_token" in schema.get("properties", {})}
    assert granting
    ways = {
        name
        for name, operation in documented(world)
        if any(f'schemas/{one}"' in str(operation["responses"]).replace("'", '"') for one in granting)
    }
    assert {name for name, *_ in OPERATION.findall(section(ACCESS, "Ways to a token"))} == ways


@pytest.mark.parametrize(("setting", "default"), LIMIT.findall(LIMITS))
def test_a_limit_has_the_default_of_its_setting(setting: str, default: str) -> None:
    assert f"#{setting}={default}\n" in document()


def test_every_limit_of_the_settings_is_told() -> None:
    names = re.findall(r"^#(GATEHOUSE_(?:SMS_)?LIMITS__\w+)=\d\S*/\w+$", document(), re.MULTILINE)
    assert len(names) > 10
    elsewhere = {"GATEHOUSE_LIMITS__STUFFING_ACCOUNTS"}  # it refuses nothing
    assert [name for name in names if name not in LIMITS and name not in elsewhere] == []


@pytest.mark.parametrize(("number", "unit", "name"), LIFE.findall(section(ACCESS, "Sessions")))
def test_a_session_lives_as_long_as_its_table_says(number: str, unit: str, name: str) -> None:
    group, _, setting = name.lower().partition("__")
    default = getattr(getattr(Settings(environment="development"), group), setting)
    assert default == (timedelta(**{unit: int(number)}) if unit else int(number))


def test_the_table_of_sessions_is_read() -> None:
    assert len(LIFE.findall(section(ACCESS, "Sessions"))) == 5


def test_every_rule_on_fields_that_must_fit_together_has_its_test() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", section(INPUT, "What must fit together"))
    assert len(named) > 8
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
