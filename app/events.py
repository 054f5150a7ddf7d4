"""The catalogue of security events: `room.what_happened`, in the past tense. None of them carries a secret."""

from enum import StrEnum


class Event(StrEnum):
    REGISTERED = "registration.requested"
    EMAIL_VERIFIED = "registration.verified"
    VERIFICATION_REFUSED = "registration.code_refused"
    PASSWORD_REFUSED = "sign_in.password_refused"  # noqa: S105  an event's name
    CODE_ASKED = "sign_in.code_asked"
    CODE_REFUSED = "sign_in.code_refused"
    ATTEMPTS_EXHAUSTED = "sign_in.attempts_exhausted"
    SIGNED_IN = "sign_in.completed"
    SESSION_REFRESHED = "session.refreshed"
    SESSION_ENDED = "session.ended"
    TOKEN_REUSED = "session.token_reused"  # noqa: S105  an event's name
    FACTOR_BEGUN = "factor.enrolment_begun"
    FACTOR_CONFIRMED = "factor.confirmed"
    FACTOR_REFUSED = "factor.code_refused"
    MESSAGE_SENT = "message.sent"
    MAIL_HELD_BACK = "message.held_back"
    CANNOT_OPEN = "vault.cannot_open"
