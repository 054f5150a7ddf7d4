"""The schema comes from the migrations alone, and they say the same as the tables that the code uses."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from app.problems import DatabaseUnavailable
from app.store.migrate import MIGRATIONS, alembic, behind, head, upgrade
from app.store.tables import metadata
from tests import postgres
from tests.cli.service import GATEHOUSE, ROOT, environment
from tests.world import KEY

TABLES = """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"""


@pytest.fixture
async def empty(postgres_url: str) -> AsyncIterator[str]:
    """A database in which nothing is."""
    name = f"empty_{secrets.token_hex(4)}"
    yield await postgres.create(postgres_url, name)
    await postgres.drop(postgres_url, name)


async def rows(url: str, question: str) -> list[str]:
    connection = await postgres.connect(url)
    found = await connection.fetch(question)
    await connection.close()
    return [row[0] for row in found]


async def test_the_tables_of_the_code_are_those_of_the_migrations(empty: str) -> None:
    await upgrade(postgres.settings_for(empty))
    assert {*(await rows(empty, TABLES))} == {*metadata.tables, "alembic_version"}
    await alembic(postgres.settings_for(empty), "check")


async def test_the_tables_leave_the_room_that_the_code_says(empty: str) -> None:
    """Alembic does not compare it."""
    await upgrade(postgres.settings_for(empty))
    found = await rows(empty, "SELECT relname || ' ' || o FROM pg_class, unnest(reloptions) AS o WHERE relkind = 'r'")
    wanted = {name: table.dialect_options["postgresql"].get("with") for name, table in metadata.tables.items()}
    assert sorted(found) == sorted(f"{name} fillfactor={room['fillfactor']}" for name, room in wanted.items() if room)


async def test_a_difference_would_be_found(empty: str) -> None:
    await upgrade(postgres.settings_for(empty))
    await rows(empty, "ALTER TABLE users ADD COLUMN surplus text")
    with pytest.raises(Exception, match="surplus"):
        await alembic(postgres.settings_for(empty), "check")


async def test_up_down_and_up_again(empty: str) -> None:
    settings = postgres.settings_for(empty)
    await upgrade(settings)
    await alembic(settings, "downgrade", "base")
    assert await rows(empty, TABLES) == ["alembic_version"]
    await upgrade(settings)
    await alembic(settings, "check")


KEYS = """INSERT INTO signing_keys (kid, role, alg, private, created_at, activated_at, retired_at, revoked_at) VALUES
    ('signs', 'access', 'ES256', 'x', 'yesterday', 'now', NULL, NULL), ('next', 'access', 'ES256', 'x', 'now', NULL, NULL, NULL),
    ('signed', 'access', 'ES256', '', 'yesterday', 'yesterday', 'now', NULL), ('leaked', 'access', 'ES256', '', 'now', NULL, NULL, 'now')"""


async def test_the_key_that_signs_goes_on_signing_whichever_code_reads_it(empty: str) -> None:
    """The code before 0004 knows one key a role; the code after tells them apart by `activated_at`."""
    settings = postgres.settings_for(empty)
    await upgrade(settings)
    await rows(empty, KEYS)
    await alembic(settings, "downgrade", "0003")
    assert await rows(empty, "SELECT kid FROM signing_keys") == ["signs"]
    await upgrade(settings)
    assert await rows(empty, "SELECT kid FROM signing_keys WHERE activated_at = created_at") == ["signs"]


async def test_only_an_older_schema_is_behind(empty: str) -> None:
    settings = postgres.settings_for(empty)
    assert await behind(settings)
    await upgrade(settings)
    assert not await behind(settings)
    await rows(empty, "UPDATE alembic_version SET version_num = '9999'")
    assert not await behind(settings)
    await rows(empty, "DELETE FROM alembic_version")
    assert await behind(settings)


async def test_two_replicas_that_migrate_at_once_both_succeed(empty: str) -> None:
    given = environment(
        ENVIRONMENT="development", SECRET_KEYS=KEY, DATABASE__URL=empty, DATABASE__TLS="disable", DATA_DIR=os.devnull
    )
    replicas = [await asyncio.create_subprocess_exec(*GATEHOUSE, "migrate", env=given) for _ in range(2)]
    assert [await replica.wait() for replica in replicas] == [0, 0]
    assert not await behind(postgres.settings_for(empty))


async def test_the_second_of_two_waits_for_the_first(empty: str) -> None:
    settings = postgres.settings_for(empty)
    await asyncio.gather(*(upgrade(settings) for _ in range(5)))
    assert not await behind(settings)


async def test_a_database_that_is_not_there_is_said_to_be_unavailable(postgres_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="InvalidCatalogNameError"):
        await behind(postgres.settings_for(postgres.named(postgres_url, "missing")))
    with pytest.raises(DatabaseUnavailable, match="InvalidAuthorizationSpecificationError"):
        await behind(postgres.settings_for(postgres_url.replace("postgres@", "nobody@")))
    with pytest.raises(DatabaseUnavailable):
        await behind(postgres.settings_for("postgresql+asyncpg://127.0.0.1:1/nobody"))


@pytest.mark.parametrize(
    ("arguments", "said"), [(("upgrade", "head"), ""), (("upgrade", "head", "--sql"), "CREATE TABLE users")]
)
async def test_alembic_works_from_the_shell(empty: str, arguments: tuple[str, ...], said: str) -> None:
    given = environment(DATABASE__URL=empty, DATABASE__TLS="disable")
    command = [sys.executable, "-m", "alembic", *arguments]
    done = await asyncio.to_thread(
        subprocess.run, command, check=False, cwd=ROOT, env=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert await behind(postgres.settings_for(empty)) is bool(said)


def test_a_migration_is_named_by_its_number_and_follows_the_one_before() -> None:
    """`behind` reads file names: Alembic is too slow to be asked at every start."""
    files = sorted(path for path in (MIGRATIONS / "versions").glob("*.py"))
    numbers = [path.name[:4] for path in files]
    assert numbers == [f"{n:04}" for n in range(1, len(files) + 1)]
    for path, number, before in zip(files, numbers, [None, *numbers], strict=False):
        names = dict(re.findall(r'^(revision|down_revision)(?:: [^=]+)? = "?(\w+)"?$', path.read_text(), re.MULTILINE))
        assert names == {"revision": number, "down_revision": str(before)}
    assert head() == numbers[-1]
