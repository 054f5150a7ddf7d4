"""The rows of the audit log: added many at a time by one statement, read in pages, never changed."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Interval, LargeBinary, Text, Uuid, bindparam, func, insert, select, text, tuple_

from app.crypto.audit import Row
from app.store.audit_keys import StoredAuditKey
from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import bound, columns, given, read_all, values
from app.store.schema import Moment, among, among_given, arrays
from app.store.tables import audit_events

_ADDING = text(
    """
    WITH kept AS (
        INSERT INTO audit_keys (id, user_id, key, created_at)
        SELECT k.id, k.user_id, k.key, k.created_at
        FROM unnest(:key_ids, :key_users, :keys, :keys_at) AS k (id, user_id, key, created_at)
        WHERE EXISTS (SELECT FROM users AS u WHERE u.id = k.user_id)
    )
    INSERT INTO audit_events (id, at, event, user_id, session_id, request_id, facts, personal, key_id, mac)
    SELECT e.id, e.at, e.event, e.user_id, e.session_id, e.request_id, e.facts::jsonb, e.personal, e.key_id, e.mac
    FROM unnest(
        :ids, :ats, :events, :user_ids, :session_ids, :request_ids, :facts, :personals, :event_keys, :macs
    ) AS e (id, at, event, user_id, session_id, request_id, facts, personal, key_id, mac)
    """
).bindparams(
    *arrays(key_ids=Uuid(), key_users=Uuid(), keys=LargeBinary(), keys_at=Moment),
    *arrays(ids=Uuid(), ats=Moment, events=Text(), user_ids=Uuid(), session_ids=Uuid(), request_ids=Text()),
    *arrays(facts=Text(), personals=LargeBinary(), event_keys=Uuid(), macs=LargeBinary()),
)
_ADD = Prepared(_ADDING)
_NAMES = [*(field.name for field in fields(Row)), "mac"]
_ADD_ONE = Prepared(insert(audit_events).values(bound("new", audit_events, _NAMES)).inline())
"""What most requests write: one row whose key is stored already. It costs half as much as arrays of one row."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A row to add, with its MAC."""

    row: Row
    mac: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row as stored. `written_at` is the database's own time, and decides which month's partition it is in."""

    id: UUID
    written_at: datetime
    at: datetime
    event: str
    user_id: UUID | None
    session_id: UUID | None
    request_id: str | None
    facts: Mapping[str, str]
    personal: bytes | None
    key_id: UUID | None
    mac: bytes

    @property
    def row(self) -> Row:
        """The part of the row that its MAC covers."""
        return Row(**{field.name: getattr(self, field.name) for field in fields(Row)})


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the last event on it."""

    at: datetime
    id: UUID


COLUMNS = columns(audit_events, StoredEvent)


async def add(tx: Tx, events: Sequence[NewEvent], keys: Sequence[StoredAuditKey]) -> int:
    """Add *events*, and the keys that they are the first to use, by one statement; return how many events were added.

    A key is stored only if its user exists: without it their personal fields can never be opened, as if they had been erased.
    """
    if len(events) == 1 and not keys:
        [event] = events
        row = {**values(event.row), "facts": dict(event.row.facts), "mac": event.mac}
        return await _ADD_ONE.count(tx, given("new", row))
    return await _ADD.count(tx, _arrays(events, keys))


def _arrays(events: Sequence[NewEvent], keys: Sequence[StoredAuditKey]) -> dict[str, object]:
    rows = [event.row for event in events]
    return {
        "key_ids": [key.id for key in keys],
        "key_users": [key.user_id for key in keys],
        "keys": [key.key for key in keys],
        "keys_at": [key.created_at for key in keys],
        "ids": [row.id for row in rows],
        "ats": [row.at for row in rows],
        "events": [row.event for row in rows],
        "user_ids": [row.user_id for row in rows],
        "session_ids": [row.session_id for row in rows],
        "request_ids": [row.request_id for row in rows],
        "facts": [json.dumps(dict(row.facts)) for row in rows],
        "personals": [row.personal for row in rows],
        "event_keys": [row.key_id for row in rows],
        "macs": [event.mac for event in events],
    }


_WITHIN = func.clock_timestamp() - bindparam("within", type_=Interval)
_KEPT = Prepared(
    select(audit_events.c.id).where(among_given(audit_events.c.id, "ids"), audit_events.c.written_at > _WITHIN)
)


async def kept(tx: Tx, ids: Collection[UUID], *, within: timedelta) -> set[UUID]:
    """Those of *ids* that were written *within* this time: an insert may have committed though its answer was lost."""
    return {row.id for row in await _KEPT.rows(tx, {"ids": list(ids), "within": within})}


async def of_user(
    tx: Tx, user_id: UUID, *, before: Cursor | None, most: int, events: Collection[str] | None = None
) -> list[StoredEvent]:
    """A page of a user's own events, all or those named, newest first, after the one where the last page ended."""
    statement = select(*COLUMNS).where(audit_events.c.user_id == user_id)
    if events is not None:
        statement = statement.where(among(audit_events.c.event, sorted(events)))
    if before:
        statement = statement.where(tuple_(audit_events.c.at, audit_events.c.id) < tuple_(before.at, before.id))
    newest_first = statement.order_by(audit_events.c.at.desc(), audit_events.c.id.desc())
    return read_all(StoredEvent, await tx.execute(newest_first.limit(most)))
