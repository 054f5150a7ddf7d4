"""The kinds of tokens: mutually exclusive by `typ`, audience and scope (law 4)."""

from dataclasses import dataclass

from app.crypto.claims import AccessClaims, Claims, EnrollmentClaims, PendingClaims, Scope
from app.settings.groups import TokenSettings


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of token: its media type (RFC 8725 §3.11), the shape of its claims, and what a refusal calls it."""

    scope: Scope
    typ: str
    audience: str
    claims: type[Claims]
    name: str


def kinds_of(settings: TokenSettings) -> tuple[Kind, ...]:
    issuer = settings.issuer
    return (
        Kind(Scope.FULL, "at+jwt", settings.audience or issuer, AccessClaims, "an access token"),
        Kind(Scope.MFA_PENDING, "mfa-pending+jwt", f"{issuer}#mfa", PendingClaims, "an mfa-pending token"),
        Kind(Scope.MFA_ENROLL, "mfa-enroll+jwt", f"{issuer}#enroll", EnrollmentClaims, "an enrolment token"),
    )
