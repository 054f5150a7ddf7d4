"""Every statement of every flow, planned in a database of some size: none of them reads a whole table.

What a statement costs then does not grow with the number of users, sessions or events, but for the height of an index.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, text

from app.flows.prune import Prune, ages
from app.settings import Settings
from app.store.database import Database
from app.store.tables import metadata
from tests.canaries import Canaries
from tests.emails import move, undo, undo_token
from tests.filling import every_table, filled
from tests.journey import travel
from tests.standins.clock import ManualClock
from tests.statements import heard
from tests.world import Person, World, running, settings_for

MANY, EVENTS = 5000, 40_000
RULES = {
    "metrics": {"token": "a-token-for-prometheus"},
    "limits": {"login": "record_only", "network": "record_only"},
    "sms_limits": {"mode": "record_only"},
    "audit": {"checkpoint_every": "PT1S"},
}
PLANNED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
READ_WHOLE = {
    "signing_keys": "a handful, which every replica knows by heart",
    "outbox": "notices that wait to be mailed: hardly any, but while mail is down",
}
"""Relations of which a plan may read all, and why."""
SELDOM = {
    "SELECT regexp_replace(": "by a job, once an hour, ten thousand users at a time: which schemes there are",
    "SELECT users.id \nFROM users \nWHERE users.id > $1::UUID ORDER BY users.id \n LIMIT": "the same: where such a page ends",
}
"""Statements that may, by how they begin."""


@dataclass
class Asked:
    """Statements, each with the parameters that it first had."""

    statements: dict[str, Any] = field(default_factory=dict)

    def hear(self, statement: str, parameters: tuple[Any, ...]) -> None:
        if PLANNED.match(statement):
            self.statements.setdefault(statement, parameters)


@pytest.fixture(scope="module")
async def big(postgres_url: str, worker_id: str) -> AsyncIterator[str]:
    """A database that was used for long."""
    sizes = every_table(MANY) | dict.fromkeys(("audit_events", "audit_links"), EVENTS)
    async with filled(postgres_url, f"big_{worker_id}", sizes) as url:
        yield url


@pytest.fixture(scope="module")
async def asked(big: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By every flow and every job."""
    settings = settings_for(big, tmp_path_factory.mktemp("data"), **RULES)
    asked = Asked()
    with heard(asked.hear):
        async with running(settings, clock=ManualClock(datetime.now(UTC))) as world:
            await travel(Canaries(world), big)
            await _look_and_leave(world)
            await _prune(settings)
    return asked.statements


async def _look_and_leave(world: World) -> None:
    """What `travel` does not do."""
    bob = await world.with_app()
    for path in ("/me/security-events?limit=1", "/sessions/revocations", "/me/sessions", "/readyz", "/metrics"):
        await bob.call("GET", path)
    assert (await bob.call("PATCH", "/me", {"display_name": "Bob", "locale": "de"})).status_code == 200
    await _pages(bob)
    await _another_address_and_back(bob)
    eve = await world.with_app()
    assert (await eve.step_up(eve.app_code(), "totp")).status_code == 200
    assert (await eve.call("GET", "/me/export")).status_code == 200
    assert (await eve.call("DELETE", "/me")).status_code == 204


async def _pages(bob: Person) -> None:
    first = (await bob.call("GET", "/me/security-events?limit=1")).json()
    assert (await bob.call("GET", f"/me/security-events?limit=1&cursor={first['next_cursor']}")).status_code == 200


async def _another_address_and_back(bob: Person) -> None:
    assert (await bob.step_up(bob.app_code(), "totp")).status_code == 200
    old = await move(bob)
    assert (await undo(bob.world, await undo_token(bob.world, old))).status_code == 204


async def _prune(settings: Settings) -> None:
    """Of what is over there is little: where there is much, reading on until enough is found is right."""
    database = Database(settings.database)
    await Prune(ages(settings), database, ManualClock(datetime.now(UTC)))()
    await database.close()


def relations(plan: dict[str, Any]) -> Iterator[str]:
    """Those that are read whole."""
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for inner in plan.get("Plans", ()):
        yield from relations(inner)


async def test_no_statement_of_any_flow_reads_a_whole_table(big: str, asked: dict[str, Any], tmp_path: Path) -> None:
    database, found = Database(settings_for(big, tmp_path).database), {}
    async with database.begin() as tx:
        big_ones = set(await tx.scalars(text("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > 100")))
        for statement, parameters in asked.items():
            if statement.startswith(tuple(SELDOM)):
                continue
            told = (await tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)).scalar_one()
            [plan] = told if isinstance(told, list) else json.loads(told)
            if whole := {name for name in relations(plan["Plan"]) if name in big_ones - READ_WHOLE.keys()}:
                found[statement] = whole
    await database.close()
    assert found == {}


def test_the_statements_are_of_every_table(asked: dict[str, Any]) -> None:
    """Otherwise the test above looks at less than it says."""
    everything = " ".join(asked)
    assert [name for name in metadata.tables if not re.search(rf"\b{name}\b", everything)] == []
    assert len(asked) > 150


def test_what_refers_to_a_row_that_goes_is_found_by_an_index() -> None:
    """Whoever deletes a user or a session looks for what refers to it, which no plan shows."""
    unfound = [
        f"{table.name}.{key.parent.name}"
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if key.parent.name not in set(_leading(table))
    ]
    assert unfound == []


def _leading(table: Table) -> Iterator[str]:
    """The columns that an index of all rows begins with, or of all that refer to something."""
    yield next(iter(table.primary_key.columns)).name
    yield from (column.name for column in table.columns if column.unique)
    for index in table.indexes:
        first, only = next(iter(index.columns)).name, index.dialect_options["postgresql"]["where"]
        if only is None or str(only) == f"{table.name}.{first} IS NOT NULL":
            yield first
