"""SMS to send, and what became of each: recorded before it is sent, in the transaction that asks its question."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, and_, case, func, insert, or_, select, update

from app.messages import Delivery, Purpose
from app.store.database import Tx
from app.store.records import columns, read, read_all, values
from app.store.tables import sends

NOT_SENT = (Delivery.NONE, Delivery.FAILED)
_HALF = 16
_WHOLE = 2 * _HALF


@dataclass(frozen=True, slots=True)
class Send:
    """One SMS: `delivery` is NONE if the firewall refused it. Numbers are blind indexes only; `price` is in millionths.

    `receipt` is the digest of the token that its receipts come with; `network_index` as `network_indexes` makes it.
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

    @property
    def wider_network(self) -> bytes:
        return wider(self.network_index)

    @property
    def has_one_network(self) -> bool:
        """Whether the network is its own wider network, as an IPv4 address is."""
        return self.network_index[_HALF:] == self.wider_network


_COLUMNS = columns(sends, Send)
_LEFT = sends.c.delivery.not_in(NOT_SENT)


async def record(tx: Tx, send: Send) -> None:
    await tx.execute(insert(sends).values(**values(send)))


async def fail(tx: Tx, send_id: UUID, *, at: datetime) -> Send | None:
    """Record that the SMS surely was not sent, and cost nothing; None when a receipt says otherwise."""
    statement = update(sends).where(sends.c.id == send_id, sends.c.delivery.in_(Delivery.FAILED.earlier))
    failed = statement.values(delivery=Delivery.FAILED, price=0, settled_at=at).returning(*_COLUMNS)
    return read(Send, (await tx.execute(failed)).one_or_none())


async def report(tx: Tx, send_id: UUID, *, delivery: Delivery, sender: str, provider_id: str | None) -> None:
    """Record how the sending ended, and which sender took it; a further status that a receipt brought is kept."""
    furthest = case((sends.c.delivery.in_(delivery.earlier), delivery), else_=sends.c.delivery)
    statement = update(sends).where(sends.c.id == send_id)
    await tx.execute(statement.values(delivery=furthest, sender=sender, provider_id=provider_id))


async def verify(tx: Tx, challenge_id: UUID, *, at: datetime) -> list[Send]:
    """Mark all SMS sent for this challenge as verified, because one of its codes was answered right."""
    statement = update(sends).where(sends.c.challenge_id == challenge_id, sends.c.verified_at.is_(None), _LEFT)
    verified = statement.values(verified_at=at, settled_at=func.coalesce(sends.c.settled_at, at)).returning(*_COLUMNS)
    return read_all(Send, await tx.execute(verified))


def settled(before: datetime) -> ColumnElement[bool]:
    """Match sent SMS whose result is final: answered right, undelivered, or sent by *before* (the code has expired)."""
    over = or_(sends.c.created_at <= before, sends.c.delivery == Delivery.UNDELIVERED)
    return and_(_LEFT, or_(sends.c.verified_at.is_not(None), over))


def network_indexes(wider: Iterable[bytes], own: Iterable[bytes]) -> list[bytes]:
    """Join half of each blind index, of a wider network and one in it: found by the whole, or by its first half."""
    return [around[:_HALF] + within[:_HALF] for around, within in zip(wider, own, strict=True)]


def wider(network_index: bytes) -> bytes:
    return network_index[:_HALF]


@dataclass(frozen=True, slots=True)
class Tried:
    """A number: whether any of its codes was answered right, and from which wider networks they were asked for."""

    answered: bool
    networks: frozenset[bytes]


async def conversions(
    tx: Tx, prefix_indexes: Sequence[bytes], *, since: datetime, before: datetime, most: int
) -> list[Tried]:
    """The newest *most* unconfirmed numbers of a prefix with settled codes, newest first."""
    around = func.substring(sends.c.network_index, 1, _HALF, type_=LargeBinary)
    statement = (
        select(
            func.bool_or(sends.c.verified_at.is_not(None)), func.array_agg(around.distinct(), type_=ARRAY(LargeBinary))
        )
        .where(
            sends.c.prefix_index.in_(prefix_indexes), sends.c.created_at >= since, ~sends.c.confirmed, settled(before)
        )
        .group_by(sends.c.number_index)
        .order_by(func.max(sends.c.created_at).desc())
        .limit(most)
    )
    return [Tried(answered, frozenset(networks)) for answered, networks in await tx.execute(statement)]


async def other_numbers(tx: Tx, networks: Sequence[bytes], *, but: Sequence[bytes], since: datetime) -> int:
    """How many unconfirmed numbers, except *but*, *networks* had SMS sent to; a wider one is given by its half."""
    within = [sends.c.network_index.between(network, network.ljust(_WHOLE, b"\xff")) for network in networks]
    statement = select(func.count(sends.c.number_index.distinct())).where(
        or_(*within),
        sends.c.created_at > since,
        ~sends.c.confirmed,
        sends.c.number_index.not_in(but),
        _LEFT,
    )
    return int((await tx.execute(statement)).scalar_one())
