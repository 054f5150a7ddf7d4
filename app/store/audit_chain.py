"""The chain over the audit log, and its checkpoints. One sealer at a time adds links; verifying reads them in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    LargeBinary,
    Uuid,
    and_,
    exists,
    func,
    insert,
    select,
    text,
    tuple_,
)

from app.store.audit import COLUMNS, StoredEvent
from app.store.database import Tx
from app.store.records import beside, columns, read, read_all, read_beside
from app.store.schema import Moment, arrays
from app.store.tables import audit_checkpoints, audit_events, audit_links

_LOCK = 0x6761_7473  # any number that nothing else here locks by
_ADD = text(
    """
    INSERT INTO audit_links (seq, sealed_at, event_id, event_at, event_mac, link)
    SELECT * FROM unnest(:seqs, :sealed_ats, :event_ids, :event_ats, :event_macs, :links)
    """
).bindparams(
    *arrays(seqs=BigInteger(), sealed_ats=Moment, event_ids=Uuid(), event_ats=Moment),
    *arrays(event_macs=LargeBinary(), links=LargeBinary()),
)


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
    """A link, and the row that it holds, unless that is gone."""

    link: Link
    event: StoredEvent | None


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    seq: int
    at: datetime
    token: str


async def is_sealer(tx: Tx) -> bool:
    """Whether nobody else is one until this transaction ends; no session lock, so PgBouncer does not mind."""
    return bool(await tx.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}))


async def wait_to_seal(tx: Tx) -> None:
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def newest(tx: Tx) -> Link | None:
    statement = select(*columns(audit_links, Link)).order_by(audit_links.c.seq.desc()).limit(1)
    return read(Link, (await tx.execute(statement)).one_or_none())


async def latest(tx: Tx) -> datetime | None:
    """When the youngest event of the chain was written; one that says that it comes yet does not count."""
    statement = select(func.max(audit_links.c.event_at)).where(audit_links.c.event_at <= func.now())
    found: datetime | None = await tx.scalar(statement)
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
    """Rows without a link, in the order they were written, from after *since*: all of them when it is None.

    *walked*: only links after the first number and up to the second one count. Neither table is read beyond the times.
    """
    held = and_(audit_links.c.event_at == audit_events.c.written_at, audit_links.c.event_id == audit_events.c.id)
    if walked:
        held = and_(held, audit_links.c.seq > walked[0], audit_links.c.seq <= walked[1])
    key, where = (audit_events.c.written_at, audit_events.c.id), []
    if since:
        held, where = and_(held, audit_links.c.event_at > since), [key[0] > since]
    if until:
        held, where = and_(held, audit_links.c.event_at < until), [*where, key[0] < until]
    statement = select(*COLUMNS).where(~exists().where(held), *where)
    if after:
        statement = statement.where(tuple_(*key) > tuple_(after.written_at, after.id))
    return read_all(StoredEvent, await tx.execute(statement.order_by(*key).limit(most)))


async def add(tx: Tx, links: Sequence[Link]) -> None:
    given: dict[str, list[Any]] = {
        "seqs": [link.seq for link in links],
        "sealed_ats": [link.sealed_at for link in links],
        "event_ids": [link.event_id for link in links],
        "event_ats": [link.event_at for link in links],
        "event_macs": [link.event_mac for link in links],
        "links": [link.link for link in links],
    }
    await tx.execute(_ADD, given)


async def in_order(tx: Tx, *, after: int | Link | None, most: int) -> list[Linked]:
    """Links in the order of their numbers, with the rows they hold: from after a number, or after a link; None: all.

    Whoever owns the database may have put several of one number there.
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


async def newest_checkpoints(tx: Tx, *, most: int) -> list[StoredCheckpoint]:
    """The newest, by what the table says of them: nobody has looked at their tokens."""
    statement = select(*columns(audit_checkpoints, StoredCheckpoint)).order_by(audit_checkpoints.c.at.desc())
    return read_all(StoredCheckpoint, await tx.execute(statement.limit(most)))


async def checkpoints(tx: Tx) -> list[StoredCheckpoint]:
    statement = select(*columns(audit_checkpoints, StoredCheckpoint))
    return read_all(StoredCheckpoint, await tx.execute(statement.order_by(audit_checkpoints.c.seq)))


async def now(tx: Tx) -> datetime:
    """By the database's clock."""
    found: datetime = (await tx.execute(select(func.clock_timestamp()))).scalar_one()
    return found
