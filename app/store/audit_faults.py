"""Queries about the audit log as a whole: events linked twice, missing keys, and what may intercept an insert."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, or_, select, text

from app.crypto.audit import HOUSE_ID
from app.events import Event
from app.store.audit_keys import StoredAuditKey
from app.store.database import Tx
from app.store.records import columns
from app.store.tables import audit_events, audit_keys, audit_links, users

_DEFENCES = text(
    """
    WITH ours AS (
        SELECT c.oid, c.relname::text AS name, coalesce(p.relname, c.relname)::text AS root, c.relrowsecurity AS filtered
        FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS p ON p.oid = i.inhparent
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
        AND coalesce(p.relname, c.relname) IN ('audit_events', 'audit_links', 'audit_checkpoints', 'audit_keys')
    )
    SELECT o.name, o.root, 'trigger ' || t.tgname AS what, t.tgtype || ' ' || (t.tgqual IS NOT NULL) || ' ' || encode(sha256(convert_to(f.prosrc, 'UTF8')), 'hex') AS does,
        t.tgenabled IN ('O', 'A') AS works
    FROM ours AS o JOIN pg_trigger AS t ON t.tgrelid = o.oid JOIN pg_proc AS f ON f.oid = t.tgfoid
    WHERE NOT (t.tgisinternal AND f.pronamespace = 'pg_catalog'::regnamespace)
    UNION ALL SELECT o.name, o.root, 'foreign key ' || c.conname, concat_ws(' ', c.confrelid::regclass, c.confdeltype, c.convalidated::text),
        NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgconstraint = c.oid AND t.tgenabled NOT IN ('O', 'A'))
    FROM ours AS o JOIN pg_constraint AS c ON c.conrelid = o.oid WHERE c.contype = 'f'
    UNION ALL SELECT o.name, o.root, 'rule ' || r.rulename, '', true FROM ours AS o JOIN pg_rewrite AS r ON r.ev_class = o.oid
    UNION ALL SELECT o.name, o.root, 'row security', '', true FROM ours AS o WHERE o.filtered
    ORDER BY 1, 3
    """
)

_SHADOWS = text(
    """
    SELECT has_database_privilege(current_database(), 'TEMPORARY') AND NOT pg_has_role(
        current_user, (SELECT relowner FROM pg_class WHERE oid = to_regclass('audit_events')), 'MEMBER'
    )
    """
)


@dataclass(frozen=True, slots=True)
class Defence:
    """A trigger, a foreign key, a rule or row security of a table of the log, or of a partition of *root*; *does*: when, and a digest of its text."""

    name: str
    root: str
    what: str
    does: str
    works: bool


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A stored key; *is_users*: it belongs to a user who exists."""

    key: StoredAuditKey
    is_users: bool


async def defences(tx: Tx) -> list[Defence]:
    return [Defence(*row) for row in await tx.execute(_DEFENCES)]


async def copies(tx: Tx, *, after: int) -> list[tuple[UUID, int, int]]:
    """Events with several links after number *after*: how many links, and the number of the last."""
    times, last = func.count(), func.max(audit_links.c.seq)
    statement = select(audit_links.c.event_id, times, last).where(audit_links.c.seq > after)
    rows = await tx.execute(statement.group_by(audit_links.c.event_id).having(times > 1).order_by(last))
    return [(row[0], row[1], row[2]) for row in rows]


async def keyless(tx: Tx, *, since: datetime | None) -> dict[UUID, bool]:
    """Users whose events need keys that are gone, though they exist, or no event tells of their deletion; whether they exist."""
    gone = audit_events.alias()
    is_here = exists().where(users.c.id == audit_events.c.user_id)
    has_key = exists().where(audit_keys.c.id == audit_events.c.key_id)
    is_told = exists().where(gone.c.user_id == audit_events.c.user_id, gone.c.event == Event.USER_DELETED.value)
    statement = select(audit_events.c.user_id, is_here).distinct()
    statement = statement.where(audit_events.c.user_id.is_not(None), audit_events.c.key_id != HOUSE_ID, ~has_key)
    if since:
        statement = statement.where(audit_events.c.written_at >= since)
    return {row[0]: row[1] for row in await tx.execute(statement.where(or_(is_here, ~is_told)))}


async def kept(tx: Tx, *, after: UUID, most: int) -> list[KeptKey]:
    """Stored keys in the order of their ids, after *after*."""
    is_users = exists().where(users.c.id == audit_keys.c.user_id)
    statement = select(*columns(audit_keys, StoredAuditKey), is_users).where(audit_keys.c.id > after)
    rows = await tx.execute(statement.order_by(audit_keys.c.id).limit(most))
    return [KeptKey(StoredAuditKey(*row[:-1]), row[-1]) for row in rows]


async def strayed(tx: Tx) -> list[UUID]:
    """Keys that sealed only events of users other than the one they belong to."""
    statement = select(audit_keys.c.id).join(audit_events, audit_events.c.key_id == audit_keys.c.id)
    statement = statement.group_by(audit_keys.c.id).having(
        func.bool_and(audit_events.c.user_id != audit_keys.c.user_id)
    )
    return list((await tx.execute(statement.order_by(audit_keys.c.id))).scalars())


async def has_events(tx: Tx) -> bool:
    return bool(await tx.scalar(select(exists().select_from(audit_events))))


async def may_shadow(tx: Tx) -> bool:
    """Whether a role other than the owner may make temporary tables, which hide the log's from later users."""
    return bool(await tx.scalar(_SHADOWS))
