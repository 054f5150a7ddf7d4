"""Complete a sign-in: spend an attempt, judge the answer, and let the first right one open the session."""

from dataclasses import dataclass

from app.clock import Clock
from app.crypto.claims import PendingClaims
from app.events import Event
from app.factors.base import AnswerShape
from app.factors.registry import Factors
from app.flows.admission import Admission, AsRead, Opened
from app.flows.advice import advise
from app.flows.answers import Authenticated, ChallengeState
from app.flows.asking import Asking, Put
from app.flows.completing import Completing
from app.flows.judging import Attempt, Judged, Judging
from app.flows.obstacles import Obstacles
from app.flows.owner import CHANGED, unchanged
from app.flows.recognising import Arrival
from app.messages import Delivery, Purpose
from app.problems import FactorNotEnrolled, InvalidMfaCode, InvalidToken, MfaAttemptsExhausted
from app.settings.people import MfaSettings
from app.store import attempts, challenges, enrollments, receipts
from app.store.challenges import Challenge
from app.store.database import Database, Tx
from app.visitor import Visitor
from app.watch import audit


@dataclass(frozen=True)
class Verify:
    settings: MfaSettings
    database: Database
    clock: Clock
    factors: Factors
    asking: Asking
    judging: Judging
    obstacles: Obstacles
    completing: Completing
    admission: Admission

    async def __call__(self, who: PendingClaims, answer: AnswerShape, visitor: Visitor) -> Authenticated:
        challenge, attempt = await self.judging.spend(who.jti, Purpose.SIGN_IN, user_id=who.sub, named=answer.factor)
        judged = await self.judging.judge(attempt, answer)
        opened = await self._complete(challenge, attempt, judged, visitor)
        self.completing.note(attempt.enrollment, judged)
        return self.admission.signed_in(opened, factor=attempt.enrollment.kind)

    async def ask_again(self, who: PendingClaims, kind: str, visitor: Visitor) -> ChallengeState:
        """Send a new code, or ask for another factor; the attempts stay as they are."""
        put = await self.database.run(lambda tx: self._put(tx, who, kind, visitor))
        audit.note(Event.CODE_ASKED, user_id=who.sub, challenge_id=put.challenge.id, factor=kind)
        return await self.asking.send(put, by_name=True)

    async def _put(self, tx: Tx, who: PendingClaims, kind: str, visitor: Visitor) -> Put:
        challenge = await self._open(tx, who)
        enrollment = await enrollments.of_kind(tx, who.sub, kind)
        user = await unchanged(tx, challenge)
        if user is None:
            raise InvalidToken(CHANGED)
        if enrollment is None:
            raise FactorNotEnrolled
        return await self.asking.put(tx, challenge, enrollment, visitor, locale=user.locale)

    async def look(self, who: PendingClaims) -> ChallengeState:
        """The challenge as it stands."""
        async with self.database.read() as tx:
            challenge = await self._open(tx, who)
            if await unchanged(tx, challenge) is None:
                raise InvalidToken(CHANGED)
            next_send = await self.obstacles.next_send(tx, challenge)
            lost = challenge.delivery == Delivery.UNDELIVERED
            advice = advise(await receipts.why_undelivered(tx, challenge.id)) if lost else None
        return self.asking.state(challenge, next_send=next_send).model_copy(update={"advice": advice})

    async def _open(self, tx: Tx, who: PendingClaims) -> Challenge:
        """The sign-in, while it can still be completed."""
        challenge = await challenges.find(tx, who.jti, purpose=Purpose.SIGN_IN, user_id=who.sub)
        if challenge is None or challenge.closed_at or challenge.expires_at <= self.clock.now():
            raise InvalidToken("This sign-in is over.")
        if challenge.attempts >= self.settings.attempts:
            raise MfaAttemptsExhausted
        return challenge

    async def _complete(self, challenge: Challenge, attempt: Attempt, judged: Judged, visitor: Visitor) -> Opened:
        """Consume the sign-in, the factor's state and the right to a session, all of it or nothing; the first one wins."""
        enrollment, version = attempt.enrollment, challenge.credential_version
        factor, arrival = self.factors[enrollment.kind], Arrival.of(challenge, visitor)

        async def complete(tx: Tx) -> Opened:
            if not await self.admission.admit(tx, challenge.user_id, credential_version=version):
                raise InvalidToken(CHANGED)
            kind, now = enrollment.kind, self.clock.now()
            closed = await attempts.complete(tx, challenge, kind, budget=kind, at=now)
            if not closed or not await self.completing(tx, enrollment, judged):
                raise InvalidMfaCode(attempts_left=attempt.left)
            await self.asking.answered(tx, challenge, kind)
            return await self.admission.open(tx, challenge.user_id, arrival, credential_version=version, factor=factor)

        if opened := await self._complete_at_once(challenge, attempt, judged, arrival):
            return opened
        return await self.database.run(complete)

    async def _complete_at_once(
        self, challenge: Challenge, attempt: Attempt, judged: Judged, arrival: Arrival
    ) -> Opened | None:
        """Nobody is in the way, mostly: then one statement does it all."""
        answered = self.completing.at_once(challenge, attempt.enrollment, judged)
        if answered is None or arrival.device_id:
            return None
        version, factor = challenge.credential_version, self.factors[attempt.enrollment.kind]
        read = AsRead(challenge.user_id, version, attempt.user_state, answered, factor)
        return await self.database.once(lambda tx: self.admission.admit_and_open(tx, read, arrival))
