"""The schema's revisions: whether the database has the newest one, and how it gets there.

Alembic is slow to load and seldom needed, so it is loaded only once a schema has to change.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.problems import DatabaseUnavailable
from app.settings.groups import DatabaseSettings
from app.store.connections import GONE, connect, driver
from app.store.database import Database, Tx

MIGRATIONS = Path(__file__).parents[2] / "migrations"
LOCK = 0x6761746568  # "gateh": one number that nobody else in this database uses
PATIENCE = timedelta(hours=1)
_ASKED_EVERY = 0.2


def head() -> str:
    """The newest revision this code knows: files are named `NNNN_words.py` and their revision is `NNNN`."""
    return max((path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py")), default="")


async def behind(settings: DatabaseSettings) -> bool:
    """Whether the schema is older than this code. A newer one is fine: migrations are made to run beside the old code.

    Raises DatabaseUnavailable, with a sentence, when the database cannot be asked.
    """
    database = Database(settings)
    try:
        async with database.read() as tx:
            return await _revision(tx) < head()
    except DBAPIError as refused:
        raise refusal(refused) from refused
    except DatabaseUnavailable as failure:
        told = failure.__cause__
        if isinstance(told, DBAPIError) and getattr(told.orig, "sqlstate", None):
            raise refusal(told) from failure
        raise
    finally:
        await database.close()


def refusal(refused: DBAPIError) -> DatabaseUnavailable:
    cause = refused.orig.__cause__ if refused.orig else refused
    return DatabaseUnavailable(f"The database refuses: {type(cause).__name__}.")


async def upgrade(settings: DatabaseSettings) -> None:
    """Bring the schema to this code's revision. Safe to call from several replicas at once: one works, the others wait.

    Raises DatabaseUnavailable, with a sentence when the database refuses.
    """
    try:
        await alembic(settings, "upgrade", "head")
    except DBAPIError as refused:
        raise refusal(refused) from refused
    except GONE as failure:
        raise DatabaseUnavailable from failure


async def alembic(settings: DatabaseSettings, verb: str, *arguments: str, **options: object) -> None:
    """Run one of Alembic's commands (`upgrade`, `downgrade`, `check`, `revision`) while nobody else does."""
    patient = settings.model_copy(update={"statement_limit": PATIENCE})
    async with _connected(patient) as lock, _alone(lock), _connected(patient) as connection:
        config = import_module("alembic.config").Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection.sync_connection
        command = getattr(import_module("alembic.command"), verb)
        await connection.run_sync(lambda _: command(config, *arguments, **options))


@asynccontextmanager
async def _alone(tx: Tx) -> AsyncIterator[None]:
    """Hold a transaction-level advisory lock: PgBouncer may give each transaction another session.

    A waiter has no transaction open, and the holder no snapshot: CREATE INDEX CONCURRENTLY waits for all older ones.
    """
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while not await _is_alone(tx):
            await tx.rollback()
            await asyncio.sleep(_ASKED_EVERY)
    yield


async def _is_alone(tx: Tx) -> bool:
    """Try the lock. A statement with parameters keeps its snapshot until the next statement; one without keeps none."""
    alone: bool = await tx.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK})
    await driver(tx).execute("SELECT 1")
    return alone


async def _revision(tx: Tx) -> str:
    if await tx.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return ""
    return await tx.scalar(text("SELECT version_num FROM alembic_version")) or ""


@asynccontextmanager
async def _connected(settings: DatabaseSettings) -> AsyncIterator[AsyncConnection]:
    """Open a separate connection: the lock's transaction stays open beside those of the migrations."""
    engine = connect(settings)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
