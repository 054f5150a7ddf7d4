"""SMS that were to be sent, and what became of each: recorded in the transaction that puts its question, before it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, insert, or_, select, update

from app.messages import Delivery, Purpose
from app.store.database import Tx
from app.store.records import columns, read, values
from app.store.tables import sends

NOT_SENT = (Delivery.NONE, Delivery.FAILED)


@dataclass(frozen=True, slots=True)
class Send:
    """One SMS: NONE when the firewall refused it. The number is told by blind indexes only; `price` is in millionths.

    `receipt` is the digest of the token that its receipts come with.
    """

    id: UUID
    user_id: UUID | None
    challenge_id: UUID | None
    purpose: Purpose
    region: str
    confirmed: bool
    number_index: bytes
    prefix_index: bytes
    network_index: bytes
    price: int
    delivery: Delivery
    created_at: datetime
    settled_at: datetime | None = None
    verified_at: datetime | None = None
    receipt: bytes | None = None


_COLUMNS = columns(sends, Send)
_LEFT = sends.c.delivery.not_in(NOT_SENT)


async def record(tx: Tx, send: Send) -> None:
    await tx.execute(insert(sends).values(**values(send)))


async def fail(tx: Tx, send_id: UUID, *, at: datetime) -> Send | None:
    """It surely was not sent, and cost nothing; None when a receipt says otherwise."""
    statement = update(sends).where(sends.c.id == send_id, sends.c.delivery.in_(Delivery.FAILED.earlier))
    failed = statement.values(delivery=Delivery.FAILED, price=0, settled_at=at).returning(*_COLUMNS)
    return read(Send, (await tx.execute(failed)).one_or_none())


async def report(tx: Tx, send_id: UUID, *, delivery: Delivery, sender: str, provider_id: str | None) -> None:
    """How the sending ended, and who took it; a receipt may have been faster."""
    furthest = case((sends.c.delivery.in_(delivery.earlier), delivery), else_=sends.c.delivery)
    statement = update(sends).where(sends.c.id == send_id)
    await tx.execute(statement.values(delivery=furthest, sender=sender, provider_id=provider_id))


async def verify(tx: Tx, challenge_id: UUID, *, at: datetime) -> list[Send]:
    """A code of this challenge was answered right: that is what all of them were sent for."""
    statement = update(sends).where(sends.c.challenge_id == challenge_id, sends.c.verified_at.is_(None), _LEFT)
    verified = statement.values(verified_at=at, settled_at=func.coalesce(sends.c.settled_at, at)).returning(*_COLUMNS)
    return [Send(**row._mapping) for row in await tx.execute(verified)]  # noqa: SLF001  its public name


def settled(before: datetime) -> ColumnElement[bool]:
    """Nothing more becomes of it: answered right, undelivered, or sent *before*, so that its code has expired."""
    over = or_(sends.c.created_at <= before, sends.c.delivery == Delivery.UNDELIVERED)
    return and_(_LEFT, or_(sends.c.verified_at.is_not(None), over))


async def conversions(
    tx: Tx, prefix_indexes: Sequence[bytes], *, since: datetime, before: datetime, most: int
) -> list[bool]:
    """Whether each of the newest *most* settled sends to unconfirmed numbers of a prefix was answered right, newest first."""
    statement = select(sends.c.verified_at.is_not(None)).where(
        sends.c.prefix_index.in_(prefix_indexes), sends.c.created_at >= since, ~sends.c.confirmed, settled(before)
    )
    return list((await tx.execute(statement.order_by(sends.c.created_at.desc()).limit(most))).scalars())


async def other_numbers(tx: Tx, network_indexes: Sequence[bytes], *, but: Sequence[bytes], since: datetime) -> int:
    """To how many unconfirmed numbers, but this one, a network had SMS sent."""
    statement = select(func.count(sends.c.number_index.distinct())).where(
        sends.c.network_index.in_(network_indexes),
        sends.c.created_at > since,
        ~sends.c.confirmed,
        sends.c.number_index.not_in(but),
        _LEFT,
    )
    return int((await tx.execute(statement)).scalar_one())
