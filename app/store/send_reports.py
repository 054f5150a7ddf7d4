"""Reports on SMS for operators: sums by country, and the sends themselves, to be replayed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.messages import Delivery, Purpose
from app.store.database import Tx
from app.store.records import columns, read_all
from app.store.sends import NOT_SENT, Send, settled
from app.store.tables import sends

_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Country:
    """Codes and notices to one region: `settled` and `verified` count codes only; `spend` is in millionths.

    `to_one` counts those to the number that got most of them.
    """

    region: str
    sent: int
    refused: int
    delivered: int
    settled: int
    verified: int
    spend: int
    to_one: int = 0

    @property
    def conversion(self) -> float | None:
        """The share of settled codes that were answered right; None when none is settled."""
        return round(self.verified / self.settled, 4) if self.settled else None

    @property
    def share_of_one(self) -> float | None:
        """The largest share of SMS to one number: who is paid for answering shows here, not in the conversion."""
        return round(self.to_one / self.sent, 4) if self.sent else None


async def by_country(tx: Tx, *, since: datetime, before: datetime) -> list[Country]:
    """Sums of what was sent after *since*, the highest spend first; codes sent before *before* have expired."""
    asked = sends.c.purpose != Purpose.NOTICE
    spend = func.coalesce(func.sum(sends.c.price), 0).label("spend")
    statement = (
        select(
            sends.c.region,
            func.count().filter(sends.c.delivery.not_in(NOT_SENT)).label("sent"),
            func.count().filter(sends.c.delivery == Delivery.NONE).label("refused"),
            func.count().filter(sends.c.delivery == Delivery.DELIVERED).label("delivered"),
            func.count().filter(settled(before), asked).label("settled"),
            func.count().filter(sends.c.verified_at.is_not(None)).label("verified"),
            spend,
        )
        .where(sends.c.created_at > since)
        .group_by(sends.c.region)
        .order_by(spend.desc(), sends.c.region)
    )
    most = await _most_to_one(tx, since)
    rows = [{**row._mapping, "spend": int(row.spend)} for row in await tx.execute(statement)]  # noqa: SLF001
    return [Country(**row, to_one=most.get(row["region"], 0)) for row in rows]


async def _most_to_one(tx: Tx, since: datetime) -> dict[str, int]:
    numbers = (
        select(sends.c.region, func.count().label("sent"))
        .where(sends.c.created_at > since, sends.c.delivery.not_in(NOT_SENT))
        .group_by(sends.c.region, sends.c.number_index)
        .subquery()
    )
    statement = select(numbers.c.region, func.max(numbers.c.sent).label("most")).group_by(numbers.c.region)
    return {row.region: row.most for row in await tx.execute(statement)}


async def replay(tx: Tx, *, since: datetime) -> AsyncIterator[Send]:
    """Yield every SMS that was asked for after *since*, in order, sent or refused, reading a page at a time."""
    after = None
    while True:
        page = await _page(tx, since, after)
        for send in page:
            yield send
        if len(page) < _AT_A_TIME:
            return
        after = page[-1]


async def _page(tx: Tx, since: datetime, after: Send | None) -> list[Send]:
    statement = select(*columns(sends, Send)).where(sends.c.created_at > since)
    if after:
        place = func.row(after.created_at, after.id)
        statement = statement.where(func.row(sends.c.created_at, sends.c.id) > place)
    rows = await tx.execute(statement.order_by(sends.c.created_at, sends.c.id).limit(_AT_A_TIME))
    return read_all(Send, rows)
