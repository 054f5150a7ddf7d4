"""What an operator asks of the SMS that were sent: sums by country, and the sends themselves, to be replayed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.messages import Delivery, Purpose
from app.store.database import Tx
from app.store.records import columns
from app.store.sends import NOT_SENT, Send, settled
from app.store.tables import sends

_AT_A_TIME = 1000


@dataclass(frozen=True, slots=True)
class Country:
    """Codes and notices to one region: `settled` and `verified` are of codes; `spend` is in millionths."""

    region: str
    sent: int
    refused: int
    delivered: int
    settled: int
    verified: int
    spend: int

    @property
    def conversion(self) -> float | None:
        """Right answers of the codes of which nothing more can become."""
        return self.verified / self.settled if self.settled else None


async def by_country(tx: Tx, *, since: datetime, before: datetime) -> list[Country]:
    """What was sent *since* then; codes that were sent *before* have expired. The dearest region comes first."""
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
    return [Country(**{**row._mapping, "spend": int(row.spend)}) for row in await tx.execute(statement)]  # noqa: SLF001


async def replay(tx: Tx, *, since: datetime) -> AsyncIterator[Send]:
    """Every SMS that was asked for *since* then, in its order, be it sent or refused; a page at a time."""
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
    return [Send(**row._mapping) for row in rows]  # noqa: SLF001  its public name
