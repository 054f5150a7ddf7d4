"""Delivery receipts of providers: each nonce counts once, and no message's status ever goes back (law 2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from app.messages import Delivery
from app.store.database import Tx
from app.store.records import columns, read
from app.store.tables import challenges, receipt_nonces, sends

_FINAL = (Delivery.DELIVERED, Delivery.UNDELIVERED)
_AGED_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Awaited:
    """A message that receipts are accepted for; `provider_id` is the provider's id for it, once it has answered."""

    id: UUID
    challenge_id: UUID | None
    provider_id: str | None


async def find(tx: Tx, receipt: bytes, *, since: datetime) -> Awaited | None:
    """The message whose receipt token has this digest, if it was sent after *since*."""
    statement = select(*columns(sends, Awaited)).where(sends.c.receipt == receipt, sends.c.created_at > since)
    return read(Awaited, (await tx.execute(statement)).one_or_none())


async def spend(tx: Tx, nonces: Collection[bytes], awaited: Awaited, *, most: int, at: datetime) -> bool:
    """Consume the nonces of a call; False when one was used before, or the message would have more than *most*."""
    used = select(func.count()).where(receipt_nonces.c.send_id == awaited.id).scalar_subquery()
    if (await tx.execute(select(used + len(nonces)))).scalar_one() > most:
        return False
    rows = [{"digest": nonce, "send_id": awaited.id, "used_at": at} for nonce in sorted(nonces)]
    statement = insert(receipt_nonces).values(rows).on_conflict_do_nothing().returning(receipt_nonces.c.digest)
    return len((await tx.execute(statement)).all()) == len(rows)


async def deliver(tx: Tx, awaited: Awaited, *, delivery: Delivery, error: str | None, at: datetime) -> bool:
    """Advance the message's status, and its challenge's if this is its newest code; False when it is that far already.

    The challenge is locked first, as wherever both are written.
    """
    await _tell_challenge(tx, awaited, delivery)
    settled_at = at if delivery in _FINAL else None
    statement = (
        update(sends)
        .where(sends.c.id == awaited.id, sends.c.delivery.in_(delivery.earlier))
        .values(delivery=delivery, error=error, settled_at=func.coalesce(sends.c.settled_at, settled_at))
    )
    return (await tx.execute(statement)).rowcount == 1


async def _tell_challenge(tx: Tx, awaited: Awaited, delivery: Delivery) -> None:
    """Advance the challenge, but not from NONE: nothing was sent for its question. Refused codes have no challenge."""
    newest = select(func.max(sends.c.created_at)).where(sends.c.challenge_id == awaited.challenge_id).scalar_subquery()
    own = select(sends.c.created_at).where(sends.c.id == awaited.id).scalar_subquery()
    statement = update(challenges).where(
        challenges.c.id == awaited.challenge_id,
        challenges.c.delivery.in_(delivery.earlier),
        challenges.c.delivery != Delivery.NONE,
        own == newest,
    )
    await tx.execute(statement.values(delivery=delivery))


async def why_undelivered(tx: Tx, challenge_id: UUID) -> str | None:
    """The provider's error code for the challenge's newest undelivered message, if there is one."""
    statement = (
        select(sends.c.error)
        .where(sends.c.challenge_id == challenge_id, sends.c.delivery == Delivery.UNDELIVERED)
        .order_by(sends.c.created_at.desc())
        .limit(1)
    )
    return (await tx.execute(statement)).scalar_one_or_none()


async def forget_nonces(tx: Tx, *, before: datetime) -> None:
    """Delete some nonces so old that no receipt is accepted for their messages any more."""
    aged = select(receipt_nonces.c.digest).where(receipt_nonces.c.used_at < before).limit(_AGED_AT_A_TIME)
    await tx.execute(delete(receipt_nonces).where(receipt_nonces.c.digest.in_(aged.with_for_update(skip_locked=True))))
