"""What several routes refuse alike: whatever asks for a code, judges one, or changes factors."""

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
