"""What a right answer changes of its factor: the state, and the mails about it."""

from dataclasses import dataclass

from app.clock import Clock
from app.events import Event
from app.flows.judging import Judged
from app.flows.notices import tell
from app.flows.states import States
from app.store import enrollments
from app.store.answered import Answered
from app.store.challenges import Challenge
from app.store.database import Tx
from app.store.enrollments import Enrollment
from app.watch import audit

_FEW = 3


@dataclass(frozen=True)
class Completing:
    clock: Clock
    states: States

    async def __call__(self, tx: Tx, enrollment: Enrollment, judged: Judged) -> bool:
        """False when another answer was faster: then nothing of this may stay."""
        if not judged.changed:
            return True
        if not await enrollments.save(tx, enrollment, state=self.states.seal(enrollment.id, judged.state)):
            return False
        await self._tell(tx, enrollment, judged)
        return True

    def at_once(self, challenge: Challenge, enrollment: Enrollment, judged: Judged) -> Answered | None:
        """What one statement can consume: the state, and nothing that was sent or is to be mailed; None where there is more."""
        factor = self.states.factors.known(enrollment.kind)
        if not judged.changed or not factor.at_once or factor.notice:
            return None
        return Answered(challenge, enrollment, self.states.seal(enrollment.id, judged.state))

    async def _tell(self, tx: Tx, enrollment: Enrollment, judged: Judged) -> None:
        """Mail the owner about a use that they should know of (a recovery code)."""
        factor = self.states.factors.known(enrollment.kind)
        if factor.notice is None:
            return
        remaining = str(factor.describe(judged.state).remaining)
        await tell(tx, enrollment.user_id, factor.notice, at=self.clock.now(), remaining=remaining)

    def note(self, enrollment: Enrollment, judged: Judged) -> None:
        """Note such a use, once it is committed."""
        factor = self.states.factors.known(enrollment.kind)
        if factor.notice is None:
            return
        remaining = factor.describe(judged.state).remaining or 0
        audit.note(Event.RECOVERY_CODE_USED, user_id=enrollment.user_id, remaining=remaining)
        if remaining <= _FEW:
            audit.note(Event.RECOVERY_CODES_FEW, user_id=enrollment.user_id, remaining=remaining)
