"""While replicas are replaced one by one, old code runs on the new schema: so each migration only adds (docs/upgrading.md).

What takes something away, or asks for more of what is written, says `# contract:` and since when no code needs it.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg
import pytest

from app.store.migrate import MIGRATIONS, alembic
from tests import postgres

COLUMNS = """SELECT table_name || '.' || column_name AS name, table_name AS of, data_type AS type,
    is_nullable = 'YES' OR column_default IS NOT NULL OR is_generated = 'ALWAYS' OR is_identity = 'YES' AS may_be_left_out
    FROM information_schema.columns WHERE table_schema = 'public'"""
RULES = """SELECT rel.relname || '.' || con.conname AS name, rel.relname AS of, pg_get_constraintdef(con.oid) AS type
    FROM pg_constraint con JOIN pg_class rel ON rel.oid = con.conrelid
    WHERE con.contype IN ('c', 'u', 'x') AND con.connamespace = 'public'::regnamespace
    UNION ALL SELECT tablename || '.' || indexname, tablename, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'
    UNION ALL SELECT event_object_table || '.' || trigger_name, event_object_table, event_manipulation
    FROM information_schema.triggers WHERE trigger_schema = 'public'"""
BY_NOW = {"signing_keys.signing_keys_current_uq", "signing_keys.signing_keys_next_uq"}
"""Of 0004, which is released: one signing key a role is current, one is next, and code from before makes only the one."""


@dataclass(frozen=True)
class Schema:
    columns: dict[str, asyncpg.Record]
    rules: dict[str, asyncpg.Record]

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> "Schema":
        columns, rules = await connection.fetch(COLUMNS), await connection.fetch(RULES)
        return cls({row["name"]: row for row in columns}, {row["name"]: row for row in rules})

    def breaks(self, older: "Schema") -> Iterator[str]:
        """What code that was written for *older* would stumble over."""
        tables = {column["of"] for column in older.columns.values()}
        for name, before in older.columns.items():
            now = self.columns.get(name)
            if now is None or now["type"] != before["type"]:
                yield f"{name} is gone or of another type"
            elif before["may_be_left_out"] and not now["may_be_left_out"]:
                yield f"{name} must be written now"
        for name in sorted(self.columns.keys() - older.columns.keys()):
            column = self.columns[name]
            if column["of"] in tables and not column["may_be_left_out"]:
                yield f"{name} is new and must be written"
        for name in sorted(self.rules.keys() - older.rules.keys()):
            if self.rules[name]["of"] in tables and name not in BY_NOW:
                yield f"{name} is a new rule for a table that was there"


@pytest.fixture
async def empty(postgres_url: str) -> AsyncIterator[str]:
    name = f"adding_{secrets.token_hex(4)}"
    yield await postgres.create(postgres_url, name)
    await postgres.drop(postgres_url, name)


async def test_code_of_the_revision_before_runs_on_each_revision(empty: str) -> None:
    settings, connection = postgres.settings_for(empty), await postgres.connect(empty)
    older = Schema({}, {})
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        await alembic(settings, "upgrade", path.name[:4])
        newer = await Schema.read(connection)
        if "# contract:" not in path.read_text():
            assert list(newer.breaks(older)) == [], path.name
        older = newer
    await connection.close()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("ALTER TABLE users DROP COLUMN locale", "users.locale is gone"),
        ("ALTER TABLE users RENAME COLUMN locale TO language", "users.locale is gone"),
        ("ALTER TABLE users ALTER COLUMN locale TYPE varchar(2)", "users.locale is gone or of another type"),
        ("ALTER TABLE users ALTER COLUMN last_login_at SET NOT NULL", "users.last_login_at must be written now"),
        ("ALTER TABLE users ADD COLUMN needed text NOT NULL", "users.needed is new and must be written"),
        ("ALTER TABLE users ADD CONSTRAINT short CHECK (length(email) < 9)", "users.short is a new rule"),
        ("CREATE UNIQUE INDEX lone ON sessions (user_id)", "sessions.lone is a new rule"),
        ("DROP TABLE outbox CASCADE", "outbox."),
    ],
)
async def test_what_old_code_would_stumble_over_is_found(empty: str, change: str, found: str) -> None:
    connection = await postgres.connect(empty)
    await alembic(postgres.settings_for(empty), "upgrade", "head")
    older = await Schema.read(connection)
    await connection.execute(change)
    assert any(said.startswith(found) for said in (await Schema.read(connection)).breaks(older))
    await connection.close()


async def test_what_only_adds_is_no_fault(empty: str) -> None:
    connection = await postgres.connect(empty)
    await alembic(postgres.settings_for(empty), "upgrade", "head")
    older = await Schema.read(connection)
    await connection.execute("ALTER TABLE users ADD COLUMN seen int, ADD COLUMN times int NOT NULL DEFAULT 0")
    await connection.execute("CREATE TABLE extra (id int PRIMARY KEY, name text NOT NULL UNIQUE)")
    assert list((await Schema.read(connection)).breaks(older)) == []
    await connection.close()
