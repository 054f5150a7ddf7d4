"""Problems that several routes have in common: those that ask for a code, check one, or change factors."""

from app.problems import (
    FactorNotEnrolled,
    InvalidMfaCode,
    InvalidToken,
    MfaAttemptsExhausted,
    MfaLocked,
    ResendTooSoon,
    SmsUnavailable,
    StepUpRequired,
    StrongerFactorRequired,
)

ASKING = (InvalidToken, MfaAttemptsExhausted, MfaLocked, FactorNotEnrolled, ResendTooSoon, SmsUnavailable)
JUDGING = (InvalidToken, InvalidMfaCode, MfaAttemptsExhausted, MfaLocked, FactorNotEnrolled)
CHANGING = (InvalidToken, StepUpRequired, StrongerFactorRequired, FactorNotEnrolled)
