"""The security events: `room.what_happened`, in the past tense, lower case, with underscores. None of them carries a secret.

docs/events.md tells of each when it is noted and with which facts; `watch.event_catalogue`, who is shown it.
"""

from enum import StrEnum


class Event(StrEnum):
    REGISTERED = "registration.requested"
    EMAIL_VERIFIED = "registration.verified"
    VERIFICATION_REFUSED = "registration.code_refused"
    PASSWORD_REFUSED = "password.refused"  # noqa: S105  an event's name
    PASSWORD_EXPIRED = "password.expired"  # noqa: S105  an event's name
    RESET_ASKED = "password.reset_asked"
    RESET_REFUSED = "password.reset_refused"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  an event's name
    PASSWORD_RESET = "password.reset"  # noqa: S105  an event's name
    EMAIL_CHANGE_ASKED = "email.change_asked"
    EMAIL_CHANGE_REFUSED = "email.code_refused"
    EMAIL_CHANGED = "email.changed"
    EMAIL_UNDONE = "email.change_undone"
    EMAIL_UNDO_REFUSED = "email.undo_refused"
    CODE_ASKED = "challenge.code_asked"
    CODE_REFUSED = "challenge.code_refused"
    ATTEMPTS_EXHAUSTED = "challenge.attempts_exhausted"
    SIGNED_IN = "sign_in.completed"
    SESSION_REFRESHED = "session.refreshed"
    SESSION_STEPPED_UP = "session.stepped_up"
    SESSION_ENDED = "session.ended"
    DEVICE_FORGOTTEN = "device.forgotten"
    TOKEN_REUSED = "session.token_reused"  # noqa: S105  an event's name
    TOKEN_REFUSED = "token.refused"  # noqa: S105  an event's name
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_DELETED = "user.deleted"
    PROFILE_CHANGED = "user.profile_changed"
    DATA_EXPORTED = "user.data_exported"
    USER_SESSIONS_ENDED = "user.sessions_ended"
    USER_CREATED = "user.created"
    USER_UNLOCKED = "user.unlocked"
    USERS_IMPORTED = "users.imported"
    USERS_EXPORTED = "users.exported"
    FACTORS_RESET = "user.factors_reset"
    CLAIMS_SET = "user.claims_set"
    FACTOR_BEGUN = "factor.enrolment_begun"
    FACTOR_CONFIRMED = "factor.confirmed"
    FACTOR_REFUSED = "factor.code_refused"
    FACTOR_LOCKED = "factor.locked"
    FACTOR_CHANGED = "factor.changed"
    FACTOR_REMOVED = "factor.removed"
    RECOVERY_CODE_USED = "factor.recovery_code_used"
    RECOVERY_CODES_FEW = "factor.recovery_codes_few"
    RECOVERY_CODES_RENEWED = "factor.recovery_codes_renewed"
    MESSAGE_SENT = "message.sent"
    DELIVERY_REPORTED = "message.delivery_reported"
    RECEIPT_REFUSED = "receipt.refused"
    BREACH_CHECK_FAILED = "breach_check.failed"
    MAIL_HELD_BACK = "message.held_back"
    LIMIT_EXCEEDED = "limit.exceeded"
    STUFFING_SUSPECTED = "login.stuffing_suspected"
    TEST_NUMBER_USED = "sms.test_number_used"
    SMS_REFUSED = "sms.refused"
    SMS_BLOCKED = "sms.blocked"
    SMS_UNBLOCKED = "sms.unblocked"
    KEY_MADE = "signing_key.made"
    KEY_ACTIVATED = "signing_key.activated"
    KEY_RETIRED = "signing_key.retired"
    KEY_REVOKED = "signing_key.revoked"
    KEY_WITHDRAWN = "signing_key.withdrawn"
    CANNOT_OPEN = "vault.cannot_open"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORTED = "audit.exported"
