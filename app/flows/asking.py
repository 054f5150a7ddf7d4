"""Asking for a second factor: put the question, remember it, and send its code outside of any transaction (law 3).

An answer to the client waits only so long for the provider; the send goes on, and the challenge remembers how it ended.
Nothing is ever sent a second time unasked.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.clock import Clock
from app.crypto.vault import CannotOpen
from app.events import Event
from app.factors.base import About, Question
from app.factors.registry import Factors
from app.flows.answers import ChallengeState, whole_seconds
from app.flows.background import Background
from app.flows.letters import Letters
from app.flows.obstacles import Obstacles
from app.flows.receipts import Receipts
from app.flows.states import States
from app.messages import Channel, Delivery, Message
from app.problems import DatabaseUnavailable, FactorNotEnrolled, InvalidMfaCode, ResendTooSoon, SmsUnavailable
from app.senders.base import Sender, Sent
from app.settings.people import MfaSettings
from app.store import challenges, cooldowns
from app.store.challenges import Challenge, Posed
from app.store.cooldowns import Turn
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.visitor import Visitor
from app.watch import audit
from app.watch.sms_firewall import SmsFirewall, Verdict, Wanted


@dataclass(frozen=True)
class Put:
    """A question that was put: the challenge as remembered, the message that is still to be sent, and what allowed it.

    Without a message nothing is sent: nothing needs to be, or the firewall refused it.
    """

    challenge: Challenge
    next_send: datetime | None = None
    message: Message | None = None
    turn: Turn | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Asking:
    settings: MfaSettings
    answer_wait: timedelta
    database: Database
    clock: Clock
    factors: Factors
    states: States
    letters: Letters
    senders: Mapping[Channel, Sender]
    receipts: Receipts
    firewall: SmsFirewall
    obstacles: Obstacles
    background: Background

    async def put(self, tx: Tx, challenge: Challenge, enrollment: Enrollment, visitor: Visitor, *, locale: str) -> Put:
        """Put the question of *enrollment*'s factor, in the place of the one before; that one stays if this may not be sent.

        Raises ResendTooSoon while the last code to this user is cooling down, MfaLocked while none would be judged,
        FactorNotEnrolled for a broken factor.
        """
        question, now = self._question(challenge, enrollment), self.clock.now()
        if question.draft is None:
            return Put(await self._renew(tx, challenge, enrollment.kind, question))
        await self.obstacles.refuse_to_ask(tx, challenge.user_id, enrollment)
        pauses, lane = self.settings.resend_after, challenge.lane(enrollment.kind)
        turn = await cooldowns.take(tx, challenge.user_id, lane, pauses=pauses, at=now)
        if turn is None:
            next_send = await cooldowns.next_send(tx, challenge.user_id, lane)
            raise ResendTooSoon(retry_after=(next_send or now) - now)
        message, receipt = self.receipts.attach(
            self.letters.code(question.draft, purpose=challenge.purpose, locale=locale)
        )
        verdict = None
        if message.channel is Channel.SMS:
            wanted = _wanted(message, receipt, challenge, enrollment, visitor)
            verdict = await self.firewall.admit(tx, wanted, at=now)
            if verdict.refused_by:
                return Put(_unsent(challenge, enrollment.kind), turn.next_at, verdict=verdict)
        asked = await self._renew(tx, challenge, enrollment.kind, question)
        return Put(asked, turn.next_at, message, turn, verdict)

    def opened(self, challenge: Challenge, enrollment: Enrollment) -> Challenge | None:
        """A new challenge with the question of a factor that needs nothing sent; None for others, and for a broken one."""
        if not self.factors[enrollment.kind].at_once:
            return None
        with suppress(FactorNotEnrolled):
            return challenge.asking(self._posed(enrollment.kind, self._question(challenge, enrollment)))
        return None

    def _question(self, challenge: Challenge, enrollment: Enrollment) -> Question:
        try:
            state = self.states.open(enrollment)
        except CannotOpen:
            raise FactorNotEnrolled("This factor cannot be used right now.") from None
        return self.factors[enrollment.kind].ask(state, About(challenge.id, challenge.purpose))

    async def _renew(self, tx: Tx, challenge: Challenge, kind: str, question: Question) -> Challenge:
        asked = await challenges.renew_code(tx, challenge, self._posed(kind, question))
        if asked is None:
            raise InvalidMfaCode("This was answered, or asked anew, in the same moment.")
        return asked

    def _posed(self, kind: str, question: Question) -> Posed:
        return Posed(
            factor=kind,
            fingerprint=question.fingerprint,
            shown=question.show,
            code_expires_at=self.clock.now() + self.settings.code_life if question.fingerprint else None,
            delivery=Delivery.UNKNOWN if question.draft else Delivery.NONE,
        )

    async def send(self, put: Put, *, by_name: bool) -> ChallengeState:
        """Send what was put. Raises SmsUnavailable when it was asked for *by_name* and surely not sent."""
        if put.verdict:
            self.firewall.tell(put.verdict)
        if put.message is None or put.turn is None:
            return self.state(put.challenge, next_send=put.next_send)
        sending = self.background.start(self._deliver(put, put.message, put.turn))
        done, _ = await asyncio.wait([sending], timeout=self.answer_wait.total_seconds())
        delivery = sending.result() if done else Delivery.UNKNOWN
        if delivery != Delivery.FAILED:
            return self.state(replace(put.challenge, delivery=delivery), next_send=put.next_send)
        if by_name:
            raise SmsUnavailable
        return self.state(replace(put.challenge, delivery=delivery), next_send=None)

    async def _deliver(self, put: Put, message: Message, turn: Turn) -> Delivery:
        sent = await self.senders[message.channel].send(message)
        challenge_id, delivery = put.challenge.id, sent.delivery
        audit.note(Event.MESSAGE_SENT, challenge_id=challenge_id, channel=message.channel, delivery=delivery)
        if put.verdict:
            self.firewall.tell_sent(put.verdict, sent)
        with suppress(DatabaseUnavailable):
            await self.database.run(lambda tx: self._report(tx, put, turn, sent))
        return delivery

    async def _report(self, tx: Tx, put: Put, turn: Turn, sent: Sent) -> None:
        challenge, now = put.challenge, self.clock.now()
        if sent.delivery == Delivery.FAILED and challenge.factor:
            lane = challenge.lane(challenge.factor)
            await cooldowns.give_back(tx, challenge.user_id, lane, turn=turn, at=now)
        await challenges.report(tx, challenge.id, sends=challenge.sends, delivery=sent.delivery)
        if put.verdict:
            await self.firewall.report(tx, put.verdict, sent, at=now)

    async def answered(self, tx: Tx, challenge: Challenge, kind: str) -> None:
        """A code that was sent was answered right: it no longer counts on the limits of its number."""
        if challenge.fingerprint and challenge.factor == kind:
            await self.firewall.answered(tx, challenge.id, challenge.lane(kind), at=self.clock.now())

    def state(self, challenge: Challenge, *, next_send: datetime | None) -> ChallengeState:
        """How the client sees *challenge*."""
        now = self.clock.now()
        return ChallengeState(
            factor=challenge.factor or "",
            shown=challenge.shown,
            delivery=challenge.delivery,
            resend_after=whole_seconds((next_send or now) - now),
            attempts_left=self.settings.attempts - challenge.attempts,
            expires_in=whole_seconds(
                min(challenge.code_expires_at or challenge.expires_at, challenge.expires_at) - now
            ),
        )


def _wanted(
    message: Message, receipt: bytes | None, challenge: Challenge, enrollment: Enrollment, visitor: Visitor
) -> Wanted:
    return Wanted(
        purpose=message.purpose,
        number=message.to,
        region=message.region,
        confirmed=enrollment.confirmed_at is not None,
        lane=challenge.lane(enrollment.kind),
        user_id=challenge.user_id,
        network=visitor.network,
        wider_network=visitor.wider_network,
        challenge_id=challenge.id,
        receipt=receipt,
    )


def _unsent(challenge: Challenge, kind: str) -> Challenge:
    """How a challenge is seen for whose factor nothing was sent: what was sent before, for the same one, is still good."""
    if challenge.factor == kind:
        return replace(challenge, delivery=Delivery.NONE)
    return replace(challenge, factor=kind, shown={}, delivery=Delivery.NONE, code_expires_at=None)
