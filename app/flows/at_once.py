"""Sign in with one request: an answer that needs no question (TOTP, a recovery code) comes beside the password.

No pending state is ever issued; a wrong answer is counted on the account's budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.factors.registry import Code, Factors
from app.flows.admission import Admission, Opened
from app.flows.answers import Authenticated
from app.flows.completing import Completing
from app.flows.judging import Judged, Judging
from app.flows.recognising import Arrival
from app.problems import Fault, InvalidCredentials, InvalidMfaCode, ValidationFailed
from app.store import budgets
from app.store.database import Database, Tx
from app.store.enrollments import Enrollment
from app.store.users import User


@dataclass(frozen=True)
class AtOnce:
    database: Database
    factors: Factors
    judging: Judging
    completing: Completing
    admission: Admission

    def refuse_unless_possible(self, kind: str) -> None:
        """Raises ValidationFailed for a factor that has to be asked first; nothing is looked up."""
        if kind not in self.factors.usable or not self.factors[kind].at_once:
            raise ValidationFailed(errors=(Fault("#/factor", "Must be a factor that needs no code to be sent."),))

    async def __call__(
        self, user: User, enrolled: Sequence[Enrollment], arrival: Arrival, *, named: str | None, code: str
    ) -> Authenticated:
        kind = named or self.factors.kind_at_once(code, [one.kind for one in enrolled])
        enrollment = next((enrollment for enrollment in enrolled if enrollment.kind == kind), None)
        if enrollment is None:
            raise await self.judging.refuse_at_once(user.id, kind, credential_version=user.credential_version)
        attempt = await self.judging.spend_at_once(enrollment, credential_version=user.credential_version)
        judged = await self.judging.judge(attempt, Code(code=code))
        opened = await self._complete(user, enrollment, judged, arrival)
        self.completing.note(enrollment, judged)
        return self.admission.signed_in(opened, factor=enrollment.kind)

    async def _complete(self, user: User, enrollment: Enrollment, judged: Judged, arrival: Arrival) -> Opened:
        version = user.credential_version

        async def complete(tx: Tx) -> Opened:
            if not await self.admission.admit(tx, user.id, credential_version=version):
                raise InvalidCredentials
            await budgets.clear(tx, user.id, enrollment.kind)
            if not await self.completing(tx, enrollment, judged):
                raise InvalidMfaCode
            factor = self.factors[enrollment.kind]
            return await self.admission.open(tx, user.id, arrival, credential_version=version, factor=factor)

        return await self.database.run(complete)
