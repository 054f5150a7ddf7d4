"""How Alembic reaches the database: through the connection `app.store.migrate` hands it, or its own when run from a shell.

From a shell (`.venv/bin/alembic revision --autogenerate -m "words"`) only GATEHOUSE_DATABASE__… need be set.
"""

import asyncio
import os
import re
from collections.abc import Iterable
from typing import Literal

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Enum

from app.settings.groups import DatabaseSettings
from app.store.connections import connect
from app.store.tables import metadata

PREFIX = "GATEHOUSE_DATABASE__"


def number(_: MigrationContext, __: object, scripts: list[MigrationScript]) -> None:
    """Name revisions 0001, 0002 …: `app.store.migrate` finds the newest by its file name."""
    newest = ScriptDirectory.from_config(context.config).get_current_head() or "0"
    for script in scripts:
        script.rev_id = f"{int(newest) + 1:04}"


def render(_: str, item: object, __: object) -> str | Literal[False]:
    """Words kept as text are text to the database: a migration must not depend on today's members."""
    return f"sa.String(length={item.length})" if isinstance(item, Enum) and not item.native_enum else False


PARTITION = re.compile(r"audit_(events|links)_(\d{6}|default)(_|$)")


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Partitions come and go with the months: they are nobody's model."""
    return kind != "table" or not PARTITION.match(name or "")


def migrate(connection: Connection) -> None:
    """Each revision in a transaction of its own."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_server_default=True,
        include_name=is_ours,
        render_item=render,
        process_revision_directives=number,
    )
    with context.begin_transaction():
        context.run_migrations()


def settings(environment: Iterable[tuple[str, str]]) -> DatabaseSettings:
    found = {name.removeprefix(PREFIX).lower(): value for name, value in environment if name.startswith(PREFIX)}
    return DatabaseSettings.model_validate(found)


async def connect_and_migrate() -> None:
    engine = connect(settings(os.environ.items()))
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


def print_sql() -> None:
    """`alembic upgrade head --sql`: for those who may not run migrations themselves."""
    context.configure(dialect_name="postgresql", target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run() -> None:
    if context.is_offline_mode():
        return print_sql()
    given = context.config.attributes.get("connection")
    return asyncio.run(connect_and_migrate()) if given is None else migrate(given)


run()
