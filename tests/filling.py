"""Rows by the thousand in every table, made by the database itself in seconds: what a planner sees after years of use."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import Column, Enum, Table
from sqlalchemy.types import ARRAY, Boolean, DateTime, Integer, LargeBinary, Text, Uuid

from app.store.tables import metadata
from tests import postgres

LEFT_EMPTY = {"signing_keys"}
"""A service has a handful of them, and its own."""
_MINE = "md5('users' || (n - 1) % {users} + 1)::uuid"
_AGO, _AHEAD = "{at} - n * interval '{every}'", "{at} + n * interval '{every}'"
_STILL_TO_COME = {"expires_at", "full_at", "free_at", "next_at"}
_ENDED = "CASE WHEN n % 5 = 0 THEN {value} END"
_OF_KIND = "md5('{table}' || n)::uuid"
_AS_IN_LIFE: dict[str, dict[str, str]] = {
    "users": {"email": "'filled' || n || '@example.test'", "email_folded": "'filled' || n || '@example.test'"},
    "enrollments": {"kind": "'sms'", "confirmed_at": _AGO, "unique_index": "decode(md5('unique' || n), 'hex')"},
    "challenges": {"closed_at": _AGO},
    "budgets": {"kind": "'*'", "streak": "CASE WHEN n % 1000 = 0 THEN 0 ELSE 1 END"},
    "cooldowns": {"kind": "'sms'"},
    "sessions": {
        "device_id": "md5('devices' || (n - 1) % {devices} + 1)::uuid",
        "network": "'198.51.100.0/24'",
        "agent": "'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'",
        "ended_at": _ENDED.format(value=_AGO),
        "end_reason": _ENDED.format(value="'logout'"),
    },
    "sends": {
        "user_id": _MINE,
        "challenge_id": "md5('challenges' || n)::uuid",
        "region": "'US'",
        "receipt": "decode(md5('receipt' || n), 'hex')",
        "delivery": "'delivered'",
    },
    "sms_blocks": {"until": _AHEAD},
    "cut_offs": {"at": "{at} - interval '1 hour' + n * interval '0.1 second'"},
    "receipt_nonces": {"used_at": "{at} - n * interval '0.1 second'"},
    "outbox": {"due_at": _AHEAD},
    "audit_keys": {"user_id": _MINE},
    "audit_events": {
        "written_at": _AGO,
        "at": _AGO,
        "event": "'session.opened'",
        "user_id": _MINE,
        "facts": "'{{}}'",
    },
    "audit_links": {
        "seq": "{audit_links} - n + 1",
        "sealed_at": _AGO,
        "event_id": _OF_KIND.format(table="audit_events"),
        "event_at": _AGO,
    },
    "audit_checkpoints": {"at": _AGO},
}
"""Where a column's type alone does not say what stands in it: SQL of *n*, the number of the row from 1 on."""


async def fill(
    rows: asyncpg.Connection, sizes: Mapping[str, int], *, at: datetime, every: timedelta = timedelta(minutes=1)
) -> None:
    """Add so many rows to each table, each so much older than the one before, and let the database look at them.

    Only a superuser may: triggers and foreign keys are passed over.
    """
    await rows.execute("SET session_replication_role = replica")
    given: dict[str, Any] = {
        **sizes,
        "at": f"'{at.isoformat()}'::timestamptz",
        "every": f"{every.total_seconds()} seconds",
    }
    for table in metadata.sorted_tables:
        if many := sizes.get(table.name, 0):
            columns = dict(_columns(table, given))
            await rows.execute(
                f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608  our own names
                f"SELECT {', '.join(columns.values())} FROM generate_series(1, {many}) AS n",
                timeout=timedelta(hours=1).total_seconds(),
            )
    await rows.execute("SET session_replication_role = origin")
    await rows.execute("VACUUM (ANALYZE)", timeout=timedelta(hours=1).total_seconds())


@asynccontextmanager
async def filled(server_url: str, name: str, sizes: Mapping[str, int]) -> AsyncIterator[str]:
    """The URL of a database that was used for long."""
    url = await postgres.create_migrated(server_url, name)
    rows = await postgres.connect(url)
    await fill(rows, sizes, at=datetime.now(UTC))
    await rows.close()
    yield url
    await postgres.drop(server_url, name)


def every_table(many: int) -> dict[str, int]:
    return {table.name: many for table in metadata.sorted_tables if table.name not in LEFT_EMPTY}


def _columns(table: Table, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    as_in_life = _AS_IN_LIFE.get(table.name, {})
    for column in table.columns:
        if value := as_in_life.get(column.name) or _by_type(table.name, column):
            yield f'"{column.name}"', value.format(**given)


def _by_type(table: str, column: Column[Any]) -> str | None:
    if column.server_default is not None or (column.nullable and not column.primary_key):
        return None
    if column.foreign_keys:
        [to] = column.foreign_keys
        name = to.column.table.name
        return f"md5('{name}' || (n - 1) % {{{name}}} + 1)::uuid"
    if isinstance(column.type, Enum):
        return f"'{column.type.enums[0]}'"
    by_type = {
        Uuid: _OF_KIND.format(table=table),
        Text: f"'{column.name}' || n",
        LargeBinary: f"decode(md5('{table} {column.name}' || n), 'hex')",
        DateTime: _AHEAD if column.name in _STILL_TO_COME else _AGO,
        Integer: "1",
        Boolean: "true",
        ARRAY: "'{{}}'",
    }
    return next(value for kind, value in by_type.items() if isinstance(column.type, kind))
