"""The hash chain over the audit log, and its checkpoints. One sealer at a time adds links; verifying reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Uuid,
    and_,
    bindparam,
    exists,
    func,
    insert,
    select,
    text,
    tuple_,
)

from app.store.audit import COLUMNS, StoredEvent
from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import beside, columns, read, read_all, read_beside
from app.store.schema import Moment, arrays
from app.store.tables import audit_checkpoints, audit_events, audit_links

_LOCK = 0x6761_7473  # any number that no other advisory lock here uses
_ADDING = text(
    """
    INSERT INTO audit_links (seq, sealed_at, event_id, event_at, event_mac, link)
    SELECT * FROM unnest(:seqs, :sealed_ats, :event_ids, :event_ats, :event_macs, :links)
    """
).bindparams(
    *arrays(seqs=BigInteger(), sealed_ats=Moment, event_ids=Uuid(), event_ats=Moment),
    *arrays(event_macs=LargeBinary(), links=LargeBinary()),
)
_ADD = Prepared(_ADDING)


@dataclass(frozen=True, slots=True)
class Link:
    seq: int
    sealed_at: datetime
    event_id: UUID
    event_at: datetime
    event_mac: bytes
    link: bytes


@dataclass(frozen=True, slots=True)
class Linked:
    """A link, and the event that it refers to, unless that is gone."""

    link: Link
    event: StoredEvent | None


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    seq: int
    at: datetime
    token: str


_IS_SEALER = Prepared(select(func.pg_try_advisory_xact_lock(_LOCK).label("locked")))


async def is_sealer(tx: Tx) -> bool:
    """Try to be the only sealer until this transaction ends; no session lock, so it works behind PgBouncer."""
    return bool((await _IS_SEALER.one(tx, {})).locked)


async def wait_to_seal(tx: Tx) -> None:
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


_NEWEST = Prepared(select(*columns(audit_links, Link)).order_by(audit_links.c.seq.desc()).limit(1))


async def newest(tx: Tx) -> Link | None:
    return read(Link, await _NEWEST.row(tx, {}))


_LATEST = Prepared(select(func.max(audit_links.c.event_at).label("at")).where(audit_links.c.event_at <= func.now()))


async def latest(tx: Tx) -> datetime | None:
    """When the newest chained event was written; events dated in the future are ignored."""
    found: datetime | None = (await _LATEST.one(tx, {})).at
    return found


async def unlinked(
    tx: Tx,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    most: int,
    after: StoredEvent | None = None,
    walked: tuple[int, int] | None = None,
) -> list[StoredEvent]:
    """Events without a link, in the order they were written, after *since* and before *until*; None: no such bound.

    *walked*: only links after the first number and up to the second one count. Neither table is read beyond the times.
    """
    bounds: dict[str, Any] = {"since": since, "until": until}
    if after:
        bounds |= {"after_at": after.written_at, "after_id": after.id}
    if walked:
        bounds |= {"walked_from": walked[0], "walked_to": walked[1]}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return read_all(StoredEvent, await _unlinked(frozenset(given)).rows(tx, given | {"most": most}))


@cache
def _unlinked(bounds: frozenset[str]) -> Prepared:
    """The statement with these *bounds*."""
    held = and_(audit_links.c.event_at == audit_events.c.written_at, audit_links.c.event_id == audit_events.c.id)
    key, where = (audit_events.c.written_at, audit_events.c.id), list[ColumnElement[bool]]()
    since, until, after_at = (bindparam(name, type_=Moment) for name in ("since", "until", "after_at"))
    if "walked_to" in bounds:
        held = and_(held, audit_links.c.seq > bindparam("walked_from"), audit_links.c.seq <= bindparam("walked_to"))
    if "since" in bounds:
        held, where = and_(held, audit_links.c.event_at > since), [key[0] > since]
    if "until" in bounds:
        held, where = and_(held, audit_links.c.event_at < until), [*where, key[0] < until]
    if "after_at" in bounds:
        where.append(tuple_(*key) > tuple_(after_at, bindparam("after_id", type_=Uuid)))
    statement = select(*COLUMNS).where(~exists().where(held), *where)
    return Prepared(statement.order_by(*key).limit(bindparam("most", type_=Integer)))


async def add(tx: Tx, links: Sequence[Link]) -> None:
    given: dict[str, list[Any]] = {
        "seqs": [link.seq for link in links],
        "sealed_ats": [link.sealed_at for link in links],
        "event_ids": [link.event_id for link in links],
        "event_ats": [link.event_at for link in links],
        "event_macs": [link.event_mac for link in links],
        "links": [link.link for link in links],
    }
    await _ADD.count(tx, given)


async def in_order(tx: Tx, *, after: int | Link | None, most: int) -> list[Linked]:
    """Links in the order of their numbers, with their events, after a number or after a link; None: from the first.

    Whoever owns the database may have inserted several links with one number.
    """
    same = and_(audit_events.c.id == audit_links.c.event_id, audit_events.c.written_at == audit_links.c.event_at)
    key = (audit_links.c.seq, audit_links.c.sealed_at)
    link, held = columns(audit_links, Link), beside("held", audit_events, StoredEvent)
    statement = select(*link, *held).select_from(audit_links.outerjoin(audit_events, same))
    if isinstance(after, Link):
        statement = statement.where(tuple_(*key) > tuple_(after.seq, after.sealed_at))
    elif after is not None:
        statement = statement.where(audit_links.c.seq > after)
    rows = await tx.execute(statement.order_by(*key).limit(most))
    return [Linked(Link(*row[: len(link)]), read_beside("held", StoredEvent, row)) for row in rows]


async def checkpoint(tx: Tx, checkpoint_id: UUID, *, seq: int, token: str) -> None:
    await tx.execute(insert(audit_checkpoints).values(id=checkpoint_id, seq=seq, token=token))


_NEWEST_CHECKPOINTS = Prepared(
    select(*columns(audit_checkpoints, StoredCheckpoint))
    .order_by(audit_checkpoints.c.at.desc())
    .limit(bindparam("most", type_=Integer))
)


async def newest_checkpoints(tx: Tx, *, most: int) -> list[StoredCheckpoint]:
    """The newest checkpoints, as the table has them: their tokens are not verified."""
    return read_all(StoredCheckpoint, await _NEWEST_CHECKPOINTS.rows(tx, {"most": most}))


async def checkpoints(tx: Tx) -> list[StoredCheckpoint]:
    statement = select(*columns(audit_checkpoints, StoredCheckpoint))
    return read_all(StoredCheckpoint, await tx.execute(statement.order_by(audit_checkpoints.c.seq)))


_NOW = Prepared(select(func.clock_timestamp(type_=Moment).label("now")))


async def now(tx: Tx) -> datetime:
    """The current time by the database's clock."""
    found: datetime = (await _NOW.one(tx, {})).now
    return found
