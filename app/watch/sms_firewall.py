"""The SMS firewall: whether a code may be sent at all, decided and recorded before anything is sent (law 3).

What it refuses never reaches a provider. Whoever can only make numbers up uses limits that people with a confirmed number
do not share: pumping must not be a weapon against them. All share the budget, half of it reserved for confirmed numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import product
from uuid import UUID

from app.crypto.chance import new_id
from app.crypto.vault import Vault
from app.events import Event
from app.messages import Delivery, Purpose
from app.senders.base import Sent
from app.settings.limits import Mode
from app.settings.sms_limits import SmsLimit
from app.store import sends
from app.store.database import Tx
from app.store.sends import Send
from app.store.sms_blocks import Block
from app.watch import audit, metrics
from app.watch.limits import WIDER
from app.watch.sms_blocking import SmsBlocking
from app.watch.sms_limits import SmsLimits, Take
from app.watch.sms_rules import SmsRules

_LAST_DIGITS = 4
_EVERYBODYS: frozenset[SmsLimit] = frozenset({"country", "overall", "budget"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """An SMS that somebody asks for. `confirmed`: the number is the user's already; `lane` as in `sms_counts`."""

    purpose: Purpose
    number: str = field(repr=False)
    region: str
    confirmed: bool
    lane: str
    user_id: UUID
    network: str = ""
    wider_network: str = ""
    challenge_id: UUID | None = None
    receipt: bytes | None = None

    @property
    def prefix(self) -> str:
        """What the numbers of one block of ten thousand have in common."""
        return self.number[:-_LAST_DIGITS]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided: the send as recorded, what it took, and what there is to tell once that is committed."""

    send: Send
    takes: tuple[Take, ...] = ()
    refused_by: str | None = None
    exceeded: tuple[SmsLimit, ...] = ()
    blocked: Block | None = None


class SmsFirewall:
    def __init__(self, rules: SmsRules, modes: Mapping[SmsLimit, Mode], *, vault: Vault) -> None:
        self._rules = rules
        self._modes = modes
        self._vault = vault
        self._limits = SmsLimits(rules, vault=vault)
        self._blocking = SmsBlocking(rules, vault=vault)

    async def admit(self, tx: Tx, wanted: Wanted, *, at: datetime) -> Verdict:
        """Decide, and record the send, even if it is refused. What is refused takes nothing from any limit."""
        verdict = Verdict(self._send(wanted, at))
        blocks = await self._blocking.find(tx, wanted.region, wanted.number, wanted.prefix)
        if block := self._blocking.by_operator(blocks, wanted.prefix, at):
            verdict = replace(verdict, refused_by=f"block of {block.label}")
        elif not wanted.confirmed:
            verdict = await self._judge_prefix(tx, verdict, wanted.prefix, blocks, at)
        if verdict.refused_by is None:
            verdict = await self._spend(tx, verdict, wanted, at)
        if verdict.refused_by is not None:
            # Not linked to its challenge, whose last code stays valid.
            refused = replace(verdict.send, challenge_id=None, delivery=Delivery.NONE, price=0)
            verdict = replace(verdict, send=refused, takes=())
        await sends.record(tx, verdict.send)
        return verdict

    def _send(self, wanted: Wanted, at: datetime) -> Send:
        return Send(
            id=new_id(at),
            user_id=wanted.user_id,
            challenge_id=wanted.challenge_id,
            purpose=wanted.purpose,
            region=wanted.region,
            confirmed=wanted.confirmed,
            number_index=self._vault.index(wanted.number, of="number"),
            prefix_index=self._vault.index(wanted.prefix, of="prefix"),
            network_index=self._networks(wanted)[0],
            price=self._rules.price(wanted.region),
            delivery=Delivery.UNKNOWN,
            created_at=at,
            receipt=wanted.receipt,
        )

    def _networks(self, wanted: Wanted) -> list[bytes]:
        """The network that asks, under every key of the ring."""
        wider, own = (self._vault.indexes(one, of="network") for one in (wanted.wider_network, wanted.network))
        return sends.network_indexes(wider, own)

    async def _judge_prefix(
        self, tx: Tx, verdict: Verdict, prefix: str, blocks: Sequence[Block], at: datetime
    ) -> Verdict:
        """Judge whether codes to this prefix are answered: those who pump never answer any."""
        enforced = self._modes["conversion"] == "enforce"
        if enforced and self._blocking.by_conversion(blocks, prefix, at):
            return replace(verdict, refused_by="conversion")
        if not await self._blocking.is_pumped(tx, prefix, blocks, at=at):
            return verdict
        if not enforced:
            return replace(verdict, exceeded=("conversion",))
        block = await self._blocking.begin(tx, prefix, at=at)
        return replace(verdict, refused_by="conversion", exceeded=("conversion",), blocked=block)

    async def _spend(self, tx: Tx, verdict: Verdict, wanted: Wanted, at: datetime) -> Verdict:
        """Take from every limit; give all back if an enforced one has no room, else only what was beyond a limit."""
        takes = await self._limits.take(tx, verdict.send, wanted.lane, at=at)
        over = {take.limit for take in takes if take.is_over}
        if not wanted.confirmed and await self._too_many_numbers(tx, wanted, at):
            over.add("numbers")
        enforced = sorted(name for name in over if self._modes[name] == "enforce")
        back = takes if enforced else [take for take in takes if take.limit in over]
        await self._limits.give_back(tx, back, at=at)
        return replace(
            verdict,
            takes=tuple(take for take in takes if take not in back),
            refused_by=enforced[0] if enforced else None,
            exceeded=(*verdict.exceeded, *sorted(over)),
        )

    async def _too_many_numbers(self, tx: Tx, wanted: Wanted, at: datetime) -> bool:
        """Whether a network asked for too many numbers; its buckets are locked by now, so nobody else counts."""
        own, networks = self._vault.indexes(wanted.number, of="number"), self._networks(wanted)
        asked = [(networks, 1)]
        if wanted.wider_network != wanted.network:
            asked.append(([sends.wider(network) for network in networks], WIDER))
        for (allowed, window), (within, times) in product(self._rules.numbers, asked):
            if await sends.other_numbers(tx, within, but=own, since=at - window) >= times * allowed:
                return True
        return False

    async def report(self, tx: Tx, verdict: Verdict, sent: Sent, *, at: datetime) -> None:
        """Record how the sending ended. What surely was not sent is given back to the budget and all shared limits.

        Where that was the provider's fault (`turned_away`) all is given back, except to the user's limit; what is
        refused for its own sake still counts as an attempt.
        """
        if sent.delivery != Delivery.FAILED:
            await sends.report(
                tx, verdict.send.id, delivery=sent.delivery, sender=sent.sender, provider_id=sent.provider_id
            )
        elif await sends.fail(tx, verdict.send.id, at=at):
            back = [
                take
                for take in verdict.takes
                if take.limit in _EVERYBODYS or (sent.turned_away and take.limit != "user")
            ]
            await self._limits.give_back(tx, back, at=at)

    def tell_sent(self, verdict: Verdict, sent: Sent) -> None:
        """Add its price to the metric, unless the sending failed."""
        if sent.delivery != Delivery.FAILED:
            metrics.SMS_SPEND.labels(verdict.send.region).inc(verdict.send.price)

    async def answered(self, tx: Tx, challenge_id: UUID, lane: str, *, at: datetime) -> None:
        """Mark all codes of the challenge as verified, and take them off their number's limits."""
        await self._limits.forget(tx, await sends.verify(tx, challenge_id, at=at), lane, at=at)

    def tell(self, verdict: Verdict) -> None:
        """Note what was decided, now that it is committed."""
        send = verdict.send
        metrics.sms_verdict(verdict.refused_by)
        for name in verdict.exceeded:
            audit.note(Event.LIMIT_EXCEEDED, limit=f"sms {name}", mode=self._modes[name], region=send.region)
        if block := verdict.blocked:
            audit.note(Event.SMS_BLOCKED, what=block.label, until=block.until, reason=block.reason)
        if verdict.refused_by is not None:
            audit.note(Event.SMS_REFUSED, user_id=send.user_id, limit=verdict.refused_by, region=send.region)
