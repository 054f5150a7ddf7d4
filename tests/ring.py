"""A database whose ring of keys turns: services and turns with any keys on the ring, and what is under which of them."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from app.cli.keys_at_rest import prepare
from app.crypto.chance import new_id
from app.crypto.keys import KeyRing
from app.crypto.vault import Place, Vault
from app.factors.sms import SmsState
from app.flows.keys import Keys
from app.flows.reseal import Progress, Report
from app.settings.groups import LogSettings, TokenSettings
from app.store.database import Database
from app.watch.logs import configure
from tests.standins.clock import ManualClock
from tests.world import Person, World, logs_as_before, running, settings_for

_WHEN = datetime(2029, 1, 1, tzinfo=UTC)
_USER = """INSERT INTO users (id, email, email_folded, password_hash, locale, created_at) VALUES ($1, $2, $2, '', 'en', $3)"""
_ENROLLMENT = """INSERT INTO enrollments (id, user_id, kind, state, unique_index, created_at, confirmed_at)
    VALUES ($1, $2, 'sms', $3, $4, $5, $5)"""


def vault(*keys: str) -> Vault:
    return Vault(KeyRing([SecretStr(key) for key in keys]))


def place(row: UUID) -> Place:
    return Place("enrollments", "state", row)


async def enrol_crowd(connection: asyncpg.Connection, size: int, *, key: str, first: int = 0) -> list[UUID]:
    """The ids of the enrollments; their numbers end in *first* and what follows, in four digits."""
    sealing, users, enrollments = vault(key), [], []
    for number in range(first, first + size):
        user, row, phone = new_id(_WHEN), new_id(_WHEN), f"+1303555{number:04}"
        state = sealing.seal(SmsState(phone=phone, region="US").model_dump_json().encode(), place=place(row))
        users.append((user, f"crowd.{number}@example.test", _WHEN))
        enrollments.append((row, user, state, sealing.index(phone, of="sms"), _WHEN))
    await connection.executemany(_USER, users)
    await connection.executemany(_ENROLLMENT, enrollments)
    return [row for row, *_ in enrollments]


def unwatched(_: Progress) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Ring:
    """The first of the given keys writes, all of them read."""

    url: str
    folder: Path
    database: Database
    rows: asyncpg.Connection

    def serving(self, *keys: str) -> AbstractAsyncContextManager[World]:
        return running(settings_for(self.url, self.folder, secret_keys=keys))

    def keys(self, *keys: str) -> Keys:
        return Keys(TokenSettings(), self.database, ManualClock(), vault(*keys))

    async def turn(self, *keys: str, batch: int = 2, progress: Callable[[Progress], None] = unwatched) -> Report:
        """What the operator's verb does."""
        settings = settings_for(self.url, self.folder, secret_keys=keys)
        return await prepare(
            settings, self.database, ManualClock(), owner=self.database, batch=batch, progress=progress
        )()

    async def crowd(self, size: int, *, key: str, first: int = 0) -> list[UUID]:
        return await enrol_crowd(self.rows, size, key=key, first=first)

    async def states(self) -> dict[UUID, bytes]:
        return {row["id"]: row["state"] for row in await self.rows.fetch("SELECT id, state FROM enrollments")}

    async def under(self, key: str) -> dict[str, int]:
        """How many of each are under *key*."""
        head = vault(key).head
        columns = {
            "enrollments": await self.rows.fetch("SELECT state FROM enrollments"),
            "signing keys": await self.rows.fetch("SELECT private FROM signing_keys"),
            "sessions": await self.rows.fetch("SELECT '\\x01'::bytea || key_id FROM sessions"),
        }
        return {name: sum(row[0].startswith(head) for row in rows) for name, rows in columns.items()}


def elsewhere(person: Person, world: World) -> Person:
    """The same person, with the same things in their hands, at another replica."""
    known = {name: value for name, value in vars(person).items() if name != "world"}
    return Person(world, **known)


@contextmanager
def hearing(event: str = "") -> Iterator[list[dict[str, Any]]]:
    """What is logged within, once it is over, of events whose names begin so; and the loggers as they were.

    A service that other tests use goes on in this process, and may have something to say.
    """
    lines: list[dict[str, Any]] = []
    stream = io.StringIO()
    with logs_as_before():
        configure(LogSettings(level="INFO"), json=True, stream=stream)
        yield lines
    said = map(json.loads, stream.getvalue().splitlines())
    lines += [line for line in said if line["event"].startswith(event)]
