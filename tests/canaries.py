"""Values that were never seen before, by what they are; and where each of them was found."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx

from tests.world import World

_SHORTEST_WITHOUT_EDGES = 10
EMAIL, PASSWORD, CODE, TOKEN, PHONE, SEED, RECOVERY, REFUSED = (
    "email", "password", "code", "token", "phone", "seed", "recovery code", "refused value",
)  # fmt: skip


@dataclass
class Canaries:
    """What was sent or learnt, by kind; and every answer that came meanwhile."""

    world: World
    values: dict[str, set[str]] = field(default_factory=dict)
    answers: list[httpx.Response] = field(default_factory=list)

    def add(self, kind: str, *values: str | None) -> None:
        self.values.setdefault(kind, set()).update(value for value in values if value)

    async def hear(self, answer: httpx.Response) -> None:
        """An answer, and what in it is a secret from now on."""
        await answer.aread()
        self.answers.append(answer)
        said = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
        for name, value in _leaves(said):
            if name.endswith("_token") and isinstance(value, str):
                self.add(TOKEN, value)
            if name == "secret":
                self.add(SEED, value)
            if name == "recovery_codes" or (name == "codes" and isinstance(value, str)):
                self.add(RECOVERY, value)

    def hear_messages(self) -> None:
        """The codes of the messages that were sent so far: six digits, or the token of a link."""
        for entry in self.world.app.state.house.inbox.read():
            if entry.code:
                self.add(CODE if re.fullmatch("[0-9]{6}", entry.code) else TOKEN, entry.code)

    def found_in(self, text: str, *, but: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
        """Kinds and values that stand in *text*, in any spelling; those of the kinds *but* may."""
        wanted = ((kind, value) for kind, values in self.values.items() if kind not in but for value in sorted(values))
        return [(kind, value) for kind, value in wanted if any(_stands_in(form, text) for form in spellings(value))]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value


def _stands_in(form: str, text: str) -> bool:
    """A short one only by itself: six digits are in every longer row of digits."""
    if len(form) >= _SHORTEST_WITHOUT_EDGES:
        return form in text
    return re.search(rf"(?<![\w.]){re.escape(form)}(?!\w)", text) is not None


def spellings(value: str) -> Iterator[str]:
    """As it is; and, where that is long enough to be told from chance, as somebody might have written it."""
    yield value
    if len(value) < _SHORTEST_WITHOUT_EDGES:
        return
    raw = value.encode()
    yield raw.hex()
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if value.startswith("+"):
        yield value[1:]
    if "-" in value and value.replace("-", "").isalnum():
        yield value.replace("-", "")


async def columns(database_url: str) -> dict[str, str]:
    """Everything in the database, by `table.column`: text as it is, bytes as hex and as far as they can be read."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    found: dict[str, list[str]] = {}
    for (table,) in await connection.fetch("select tablename from pg_tables where schemaname = 'public'"):
        for row in await connection.fetch(f'select * from "{table}"'):  # noqa: S608  names from the catalogue
            for name, value in row.items():
                is_bytes = isinstance(value, bytes)
                said = f"{value.hex()} {value.decode(errors='replace')}" if is_bytes else str(value)
                found.setdefault(f"{table}.{name}", []).append(said)
    await connection.close()
    return {name: "\n".join(values) for name, values in found.items()}
