"""What the stories answer, as the wire shows it. Ages and lives are whole seconds."""

from app.flows.answers.account import Profile
from app.flows.answers.base import Answer, Bearer, Jwt, whole_seconds
from app.flows.answers.factors import (
    Confirmed,
    ConfirmedAndAuthenticated,
    EnrollmentBegun,
    FactorEntry,
    FactorList,
    RecoveryCodeList,
    RecoveryCodesShown,
)
from app.flows.answers.signing_in import (
    AccessGranted,
    Authenticated,
    ChallengeState,
    EnrollmentRequired,
    FactorChoice,
    LoginAnswer,
    MfaRequired,
    ResetSent,
    VerificationSent,
)

__all__ = [
    "AccessGranted",
    "Answer",
    "Authenticated",
    "Bearer",
    "ChallengeState",
    "Confirmed",
    "ConfirmedAndAuthenticated",
    "EnrollmentBegun",
    "EnrollmentRequired",
    "FactorChoice",
    "FactorEntry",
    "FactorList",
    "Jwt",
    "LoginAnswer",
    "MfaRequired",
    "Profile",
    "RecoveryCodeList",
    "RecoveryCodesShown",
    "ResetSent",
    "VerificationSent",
    "whole_seconds",
]
