"""`gatehouse migrate` where the database does not let it: a sentence, and no traceback."""

import secrets
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from typer.testing import Result

from app.store.migrate import alembic, head
from tests import postgres
from tests.verbs import aside, on_database

AGAIN = (
    "What is migrated stays so: run this again, as the owner of the schema (GATEHOUSE_DATABASE__OWNER_URL), "
    "once nobody holds its tables.\n"
)

migrate = partial(aside, "migrate")


@pytest.fixture
async def older(postgres_url: str, tmp_path: Path) -> AsyncIterator[str]:
    """A database that lacks the newest migrations."""
    name = f"older_{secrets.token_hex(4)}"
    url = await postgres.create(postgres_url, name)
    await alembic(postgres.settings_for(url), "upgrade", "0008")
    with on_database(url, tmp_path):
        yield url
    await postgres.drop(postgres_url, name)


@pytest.fixture
async def rows(older: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await postgres.connect(older)
    yield connection
    await connection.close()


@pytest.fixture
async def role(rows: asyncpg.Connection) -> AsyncIterator[str]:
    """One that owns nothing."""
    name = f"newcomer_{secrets.token_hex(4)}"
    await rows.execute(f"CREATE ROLE {name} LOGIN; GRANT SELECT ON alembic_version TO {name}")
    yield name
    await rows.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def refused(done: Result, error: str) -> bool:
    """In one sentence of the database's, and one of ours."""
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr.endswith(f"The database refuses: {error}. {AGAIN}") and "Traceback" not in done.stderr


async def test_a_role_that_may_not_is_told_so(older: str, role: str) -> None:
    done = await migrate(DATABASE__URL=older.replace("postgres@", f"{role}@"))
    assert refused(done, "InsufficientPrivilegeError")


async def test_a_role_that_may_not_wait_is_told_so(older: str, rows: asyncpg.Connection, role: str) -> None:
    await rows.execute(f"ALTER ROLE {role} SUPERUSER; ALTER ROLE {role} SET lock_timeout = '200ms'")
    given = {"DATABASE__URL": older.replace("postgres@", f"{role}@")}
    async with rows.transaction():
        await rows.execute("LOCK TABLE throttles")
        assert refused(await migrate(**given), "LockNotAvailableError")
    assert (await migrate(**given)).stdout == f"The schema is at revision {head()}.\n"


async def test_a_role_that_may_not_grant_is_told_so(older: str, rows: asyncpg.Connection, role: str) -> None:
    assert (await migrate()).exit_code == 0
    other = f"other_{role}"
    await rows.execute(f"CREATE ROLE {other}")
    done = await migrate("--app-role", other, DATABASE__URL=older.replace("postgres@", f"{role}@"))
    await rows.execute(f"DROP ROLE {other}")
    assert refused(done, "InsufficientPrivilegeError")


@pytest.mark.usefixtures("older")
async def test_a_role_without_a_name_is_none() -> None:
    done = await migrate("--app-role", "")
    assert (done.exit_code, done.stdout, done.stderr) == (
        2,
        "",
        "--app-role: name the role that the service runs as.\n",
    )
