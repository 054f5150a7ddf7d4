"""Duplicate rows of the audit log: an insert that was given up and retried may still be executed later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary, Uuid, bindparam, text

from app.store.audit import StoredEvent
from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.schema import Moment, arrays

_FINDING = text(
    """
    SELECT g.id, g.at FROM unnest(:ids, :ats, :macs) AS g (id, at, mac)
    CROSS JOIN LATERAL (
        SELECT FROM audit_events AS e JOIN audit_links AS l ON l.event_at = e.written_at AND l.event_id = e.id
        WHERE e.id = g.id AND e.mac = g.mac AND e.written_at <> g.at
        AND e.written_at BETWEEN g.at - interval '1 day' AND g.at + interval '1 day'
        AND l.seq > :first AND l.seq <= :last LIMIT 1
    ) AS linked
    """
).bindparams(
    *arrays(ids=Uuid(), ats=Moment, macs=LargeBinary()),
    bindparam("first", type_=BigInteger),
    bindparam("last", type_=BigInteger),
)
_REPEATED = Prepared(_FINDING.columns(id=Uuid, at=Moment))
"""Looks up each row by its id, however many there are."""
_ALL_LINKS = (-(2**63), 2**63 - 1)


async def without(tx: Tx, rows: Sequence[StoredEvent], *, walked: tuple[int, int] = _ALL_LINKS) -> list[StoredEvent]:
    """*rows* without those whose id and MAC are chained already, for another row written within a day of them.

    The caller verifies the MACs. *walked*: only links after the first number and up to the second one count.
    """
    if not rows:
        return []
    given: dict[str, Any] = {
        "ids": [row.id for row in rows],
        "ats": [row.written_at for row in rows],
        "macs": [row.mac for row in rows],
        "first": walked[0],
        "last": walked[1],
    }
    repeated: set[tuple[UUID, datetime]] = {(row.id, row.at) for row in await _REPEATED.rows(tx, given)}
    return [row for row in rows if (row.id, row.written_at) not in repeated]
