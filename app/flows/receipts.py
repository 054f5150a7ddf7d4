"""Receipts: what Plivo reports of a message. Who calls is proved first and in memory; then the message's state may move on.

Law: a receipt changes how far a message has come, and nothing else: no attempt, no lock, no session hangs on it.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

from app.clock import Clock
from app.crypto import one_time
from app.crypto.callbacks import Form, Signature, verified
from app.events import Event
from app.messages import Channel, Delivery, Message
from app.problems import InsufficientScope, NotFound
from app.store import receipts
from app.store.database import Database, Tx
from app.store.receipts import Awaited
from app.watch import audit
from app.watch.floods import Floods

_TAKEN_FOR = timedelta(days=1)
"""Plivo gives a message up after three hours at most, and a receipt after seven minutes."""
KEPT_FOR = 2 * _TAKEN_FOR
_MOST_OF_ONE = 32
"""Nonces of one message: a handful of states, a few parts, and what is repeated."""


class Status(StrEnum):
    """Plivo's words."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    REJECTED = "rejected"


_MEANT = {
    Status.QUEUED: Delivery.ACCEPTED,
    Status.SENT: Delivery.SENT,
    Status.DELIVERED: Delivery.DELIVERED,
    Status.READ: Delivery.DELIVERED,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody who knows the auth token said this of the message with this receipt; the nonces are still to be spent."""

    receipt: bytes
    nonces: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of a message. Parts of a long one have names of their own beside their parent's."""

    names: frozenset[UUID]
    delivery: Delivery
    error: str | None = None

    @classmethod
    def of(cls, names: frozenset[UUID], status: Status, error: str | None) -> Self:
        """The code of an error, which `000` is not, belongs to what was not delivered."""
        delivery = _MEANT.get(status, Delivery.UNDELIVERED)
        return cls(names, delivery, error or None if delivery is Delivery.UNDELIVERED else None)


@dataclass(frozen=True)
class Receipts:
    """*address*: where they come, without the token; None when none are asked for. *tokens*: of the accounts that send."""

    address: str | None
    tokens: tuple[str, ...] = field(repr=False)
    database: Database
    clock: Clock
    floods: Floods

    def attach(self, message: Message) -> tuple[Message, bytes | None]:
        """Give an SMS the address that its receipts come to, with a token of its own, and say the token's digest to keep.

        Keep it before the message leaves: the first receipt may be faster than the provider's answer.
        """
        if self.address is None or message.channel is not Channel.SMS:
            return message, None
        token = one_time.mint()
        return replace(message, callback=self.address + token), one_time.digest(token)

    def prove(self, token: str, signatures: tuple[Signature, ...], form: Form) -> Proof:
        """Raises InsufficientScope unless a signature is right, over the address that we gave out and not the one called."""
        if self.address is None:
            raise NotFound
        right = verified(signatures, address=self.address + token, form=form, tokens=self.tokens)
        if not right:
            raise InsufficientScope("No signature of this call is right.")
        return Proof(one_time.digest(token), frozenset(_digest(*one) for one in right))

    async def take(self, proof: Proof, report: Report) -> None:
        """Raises NotFound for an unknown receipt or message, InsufficientScope for what was said once already."""
        awaited, moved = await self.database.run(lambda tx: self._take(tx, proof, report))
        if moved:
            audit.note(
                Event.DELIVERY_REPORTED,
                challenge_id=awaited.challenge_id,
                delivery=report.delivery,
                error=report.error,
            )

    async def _take(self, tx: Tx, proof: Proof, report: Report) -> tuple[Awaited, bool]:
        now = self.clock.now()
        awaited = await receipts.find(tx, proof.receipt, since=now - _TAKEN_FOR)
        if awaited is None or (awaited.provider_id and awaited.provider_id not in map(str, report.names)):
            raise NotFound
        if not await receipts.spend(tx, proof.nonces, awaited, most=_MOST_OF_ONE, at=now):
            raise InsufficientScope("This call was made before.")
        await receipts.forget_nonces(tx, before=now - KEPT_FOR)
        moved = await receipts.deliver(tx, awaited, delivery=report.delivery, error=report.error, at=now)
        return awaited, moved


def _digest(version: str, nonce: str) -> bytes:
    """One family's nonces are no other's."""
    return hashlib.sha256(f"{version} {nonce}".encode()).digest()
