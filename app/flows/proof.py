"""Whether a token proves enough for a change of factors: recent (RFC 9470), with a factor, and a strong enough one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.crypto.claims import PASSWORD_ONLY, AccessClaims
from app.factors.registry import Factors
from app.problems import StepUpRequired, StrongerFactorRequired
from app.settings.people import MfaSettings
from app.store.enrollments import Enrollment

FRESH = timedelta(minutes=5)
"""How old a proof may be; `max_age` of the refusal says it too (RFC 9470 §3)."""


@dataclass(frozen=True)
class Proof:
    settings: MfaSettings
    clock: Clock
    factors: Factors

    def require_fresh(self, who: AccessClaims, enrolled: Sequence[Enrollment]) -> None:
        """Raises StepUpRequired for an old proof, or one without a factor where any is enrolled."""
        too_old = self.clock.now() - who.authenticated_at() > FRESH
        if too_old or (enrolled and who.acr == PASSWORD_ONLY):
            raise StepUpRequired

    def require_strongest(self, who: AccessClaims, enrolled: Sequence[Enrollment]) -> None:
        """Beyond freshness: sms < totp < passkey, and a recovery code counts as the strongest.

        Raises StrongerFactorRequired when the proof is weaker than the strongest enrolled factor, or rests on a factor
        that was replaced only lately: whoever could replace the number must not go on from there.
        """
        self.require_fresh(who, enrolled)
        resting = {self._amr(one) for one in enrolled if self._rests(one)}
        proved = self.factors.strength_of(set(who.amr) - resting)
        if proved < max((self._strength(one) for one in enrolled), default=0):
            raise StrongerFactorRequired

    def _rests(self, enrollment: Enrollment) -> bool:
        changed = enrollment.replaced_at
        return changed is not None and self.clock.now() - changed < self.settings.replaced_factor_rests

    def _amr(self, enrollment: Enrollment) -> str:
        return self.factors.known(enrollment.kind).amr

    def _strength(self, enrollment: Enrollment) -> int:
        factor = self.factors.known(enrollment.kind)
        return 0 if factor.issued else factor.strength
