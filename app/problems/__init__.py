"""The catalogue of refusals: one class each, with its status, its title and why it happens.

Every refusal on the wire is one of these, rendered by `api/problems.py` as RFC 9457 `application/problem+json`.
No refusal ever carries a submitted value.
"""

from app.problems.base import Fault, Problem
from app.problems.people import (
    CsrfRequired,
    FactorNotEnrolled,
    InvalidCredentials,
    InvalidMfaCode,
    InvalidRefreshToken,
    InvalidResetToken,
    InvalidToken,
    InvalidVerificationCode,
    LastFactor,
    MfaAttemptsExhausted,
    MfaLocked,
    MissingToken,
    PasswordBlocklisted,
    PasswordTooLong,
    PasswordTooShort,
    PasswordUnchanged,
    PhoneInUse,
    ResendTooSoon,
    SmsNotAllowed,
    SmsUnavailable,
    StepUpRequired,
    StrongerFactorRequired,
    WrongCurrentPassword,
)
from app.problems.requests import (
    DatabaseUnavailable,
    HeadersTooLarge,
    InsufficientScope,
    InternalError,
    MalformedRequest,
    MethodNotAllowed,
    MisdirectedRequest,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    UnsupportedMediaType,
    ValidationFailed,
)

__all__ = [
    "CsrfRequired",
    "DatabaseUnavailable",
    "FactorNotEnrolled",
    "Fault",
    "HeadersTooLarge",
    "InsufficientScope",
    "InternalError",
    "InvalidCredentials",
    "InvalidMfaCode",
    "InvalidRefreshToken",
    "InvalidResetToken",
    "InvalidToken",
    "InvalidVerificationCode",
    "LastFactor",
    "MalformedRequest",
    "MethodNotAllowed",
    "MfaAttemptsExhausted",
    "MfaLocked",
    "MisdirectedRequest",
    "MissingToken",
    "NotFound",
    "Overloaded",
    "PasswordBlocklisted",
    "PasswordTooLong",
    "PasswordTooShort",
    "PasswordUnchanged",
    "PayloadTooLarge",
    "PhoneInUse",
    "Problem",
    "RateLimited",
    "ResendTooSoon",
    "SmsNotAllowed",
    "SmsUnavailable",
    "StepUpRequired",
    "StrongerFactorRequired",
    "UnsupportedMediaType",
    "ValidationFailed",
    "WrongCurrentPassword",
]


def _family(root: type[Problem]) -> list[type[Problem]]:
    return [kind for child in root.__subclasses__() for kind in (child, *_family(child))]


def catalogue() -> dict[str, type[Problem]]:
    """Every refusal by its code; a class that only refines another (`MissingToken`) is not listed twice."""
    found: dict[str, type[Problem]] = {}
    for kind in _family(Problem):
        found.setdefault(kind.code, kind)
    return found
