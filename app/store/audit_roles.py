"""Two roles: one that owns the schema, and one that the service runs as, which may only add to the audit log."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.settings.groups import DatabaseSettings
from app.store.database import Database
from app.store.migrate import refusal

_NAME = text("SELECT set_config('gatehouse.app_role', :role, true)")
_KNOWN = text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role AND rolname <> current_user)")
_SHADOWS = text("SELECT has_database_privilege(:role, current_database(), 'TEMPORARY')")
_GRANT = text(
    r"""
    DO $$
    DECLARE
        service text := current_setting('gatehouse.app_role');
        name text;
    BEGIN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), service);
        FOR name IN
            SELECT c.relname FROM pg_class AS c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND (c.relispartition OR c.relname LIKE 'audit\_%' OR c.relname = 'alembic_version')
        LOOP
            EXECUTE format('REVOKE ALL ON %I FROM %I', name, service);
        END LOOP;
        EXECUTE format('GRANT SELECT ON audit_events, audit_links, audit_checkpoints, alembic_version TO %I', service);
        EXECUTE format('GRANT INSERT (id, at, event, user_id, session_id, request_id, facts, personal, key_id, mac)
            ON audit_events TO %I', service);
        EXECUTE format('GRANT INSERT (seq, sealed_at, event_id, event_at, event_mac, link)
            ON audit_links TO %I', service);
        EXECUTE format('GRANT INSERT (id, seq, token) ON audit_checkpoints TO %I', service);
        EXECUTE format('GRANT SELECT, INSERT ON audit_keys TO %I', service);
        FOR name IN
            SELECT c.relname FROM pg_class AS c
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relname NOT LIKE 'audit\_%' AND c.relname <> 'alembic_version'
        LOOP
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO %I', name, service);
        END LOOP;
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), service);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO %I', current_schema(), service);
    END $$
    """
)


class UnknownRole(Exception):  # noqa: N818  named as the state it tells of
    """There is no such role, or it is the one that owns the schema."""


async def grant(settings: DatabaseSettings, role: str) -> bool:
    """Grant *role* what the service needs, and no more. Raises UnknownRole, DatabaseUnavailable (with a sentence if refused).

    Only the database sets when an event was written; a trigger checks what a link says. Nobody may make temporary tables,
    which could hide those of the log: return False when only the owner of the database can revoke that right.
    """
    database = Database(settings)
    try:
        async with database.begin() as tx:
            if not await tx.scalar(_KNOWN, {"role": role}):
                raise UnknownRole
            await tx.execute(_NAME, {"role": role})
            await tx.execute(_GRANT)
            return not await tx.scalar(_SHADOWS, {"role": role})
    except DBAPIError as refused:
        raise refusal(refused) from refused
    finally:
        await database.close()
