"""Notices that nobody can ask for again: written in the transaction that causes them, sent at least once afterwards (law 3)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Integer, bindparam, delete, func, insert, literal_column, select, update

from app.store.database import Tx
from app.store.prepared import Prepared
from app.store.records import columns, values
from app.store.schema import Moment
from app.store.tables import outbox


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to send: which template, in which language, with which words. It never holds a secret."""

    id: UUID
    recipient: str
    template: str
    locale: str
    words: dict[str, str]


async def add(tx: Tx, *notices: Notice, at: datetime) -> None:
    """Insert the notices by one statement."""
    rows = [{**values(notice), "created_at": at, "due_at": at} for notice in notices]
    await tx.execute(insert(outbox).values(rows))


async def waiting(tx: Tx, *, most: int) -> tuple[int, datetime | None]:
    """How many are not yet sent, counted up to *most*, and since when the oldest of those waits."""
    some = select(outbox.c.created_at).limit(most).subquery()
    row = (await tx.execute(select(func.count(), func.min(some.c.created_at)).select_from(some))).one()
    return row[0], row[1]


_AT = bindparam("at", type_=Moment)
_LOOKED_AT, _TRIED = 1000, 64
"""Of so many that are due the longest, each recipient's first goes before anybody's second: nobody's notices wait for one's flood."""
_OLDEST = (
    select(outbox.c.id, outbox.c.recipient, outbox.c.due_at)
    .where(outbox.c.due_at <= _AT)
    .order_by(outbox.c.due_at)
    .limit(literal_column(str(_LOOKED_AT)))
    .subquery("oldest")
)
_TURN = func.row_number().over(partition_by=_OLDEST.c.recipient, order_by=_OLDEST.c.due_at)
_TURNS = select(_OLDEST.c.id, _OLDEST.c.due_at, _TURN.label("turn")).subquery("turns")
_NEXT = (
    select(_TURNS.c.id, _TURNS.c.turn)
    .order_by(_TURNS.c.turn, _TURNS.c.due_at)
    .limit(literal_column(str(_TRIED)))  # more than other replicas claim in the same moment
    .subquery("next")
)
_DUE = (
    select(outbox.c.id)
    .join(_NEXT, outbox.c.id == _NEXT.c.id)
    .where(outbox.c.due_at <= _AT)  # once more: whoever claimed it meanwhile has moved it
    .order_by(_NEXT.c.turn, outbox.c.due_at)
    .limit(bindparam("most", type_=Integer))
)
_MINE = _DUE.with_for_update(of=outbox, skip_locked=True).cte("mine").prefix_with("MATERIALIZED")
_CLAIM = Prepared(
    update(outbox)
    .where(outbox.c.id == _MINE.c.id)
    .values(due_at=bindparam("until", type_=Moment), tries=func.least(outbox.c.tries + 1, 1000))
    .returning(*columns(outbox, Notice), outbox.c.tries)
)


async def claim(tx: Tx, *, lease: timedelta, most: int, at: datetime) -> list[tuple[Notice, int]]:
    """Claim up to *most* due notices for *lease*, with their numbers of tries: other replicas skip them meanwhile."""
    rows = await _CLAIM.rows(tx, {"at": at, "until": at + lease, "most": most})
    return [(Notice(row.id, row.recipient, row.template, row.locale, row.words), row.tries) for row in rows]


async def sent(tx: Tx, notice_id: UUID) -> None:
    await tx.execute(delete(outbox).where(outbox.c.id == notice_id))


async def postpone(tx: Tx, notice_id: UUID, *, until: datetime) -> None:
    await tx.execute(update(outbox).where(outbox.c.id == notice_id).values(due_at=until))
