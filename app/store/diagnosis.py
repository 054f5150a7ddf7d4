"""What a database says of itself, to check whether it fits: version, role, clock, and a pooler in between."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app.settings.groups import DatabaseSettings
from app.store.database import Database, Tx
from app.store.migrate import head


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`pooled`: PgBouncer or the like is in between. `clock` is the server's, read between two readings of ours."""

    version: int
    version_text: str
    revision: str
    newest_revision: str
    role: str
    superuser: bool
    standby: bool
    encrypted: bool
    pooled: bool
    clock: datetime


_ASK = text("""
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_version') AS version_text,
           current_user::text AS role,
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
           pg_is_in_recovery() AS standby,
           coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
           pg_backend_pid() AS pid,
           clock_timestamp() AS clock
""")
_REVISION = text("SELECT version_num FROM alembic_version")
_TABLE = text("SELECT to_regclass(:name) IS NOT NULL")
_PARTITIONS = text("""
    SELECT count(*) FROM pg_inherits
    JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = to_regclass(:parent) AND relname = :parent || to_char(now() + interval '1 month', '_YYYYMM')
""")


async def diagnose(settings: DatabaseSettings) -> Diagnosis:
    """Raises DatabaseUnavailable."""
    database = Database(settings)
    try:
        async with database.read() as tx:
            return await _diagnose(tx)
    finally:
        await database.close()


async def _diagnose(tx: Tx) -> Diagnosis:
    said = (await tx.execute(_ASK)).one()
    known = await tx.scalar(_TABLE, {"name": "alembic_version"})
    return Diagnosis(
        version=said.version,
        version_text=said.version_text,
        revision=await tx.scalar(_REVISION) or "" if known else "",
        newest_revision=head(),
        role=said.role,
        superuser=said.superuser,
        standby=said.standby,
        encrypted=said.encrypted,
        pooled=await _first_heard_of(tx) != said.pid,
        clock=said.clock,
    )


async def _first_heard_of(tx: Tx) -> int:
    """The backend's process id as sent when connecting: a pooler sends a number of its own."""
    connection = (await tx.get_raw_connection()).driver_connection
    if connection is None:
        return 0
    pid: int = connection.get_server_pid()
    return pid


async def lacks_partition(tx: Tx, parent: str) -> bool:
    """Whether *parent* is there, and its partition of the next month is not."""
    there = await tx.scalar(_TABLE, {"name": parent})
    return bool(there) and not await tx.scalar(_PARTITIONS, {"parent": parent})
