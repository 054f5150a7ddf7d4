"""What the stories answer, as the wire shows it. Ages and lives are whole seconds."""

from app.flows.answers.account import EmailChangeBegun, Profile
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
from app.flows.answers.machines import Metadata
from app.flows.answers.sessions import DeviceEntry, DeviceList, SessionEntry, SessionList
from app.flows.answers.signing_in import (
    REFRESH_TOKEN,
    AccessGranted,
    Authenticated,
    ChallengeState,
    EmailCode,
    EnrollmentRequired,
    FactorChoice,
    LoginAnswer,
    MfaRequired,
    ResetSent,
    VerificationSent,
)

__all__ = [
    "REFRESH_TOKEN",
    "AccessGranted",
    "Answer",
    "Authenticated",
    "Bearer",
    "ChallengeState",
    "Confirmed",
    "ConfirmedAndAuthenticated",
    "DeviceEntry",
    "DeviceList",
    "EmailChangeBegun",
    "EmailCode",
    "EnrollmentBegun",
    "EnrollmentRequired",
    "FactorChoice",
    "FactorEntry",
    "FactorList",
    "Jwt",
    "LoginAnswer",
    "Metadata",
    "MfaRequired",
    "Profile",
    "RecoveryCodeList",
    "RecoveryCodesShown",
    "ResetSent",
    "SessionEntry",
    "SessionList",
    "VerificationSent",
    "whole_seconds",
]
