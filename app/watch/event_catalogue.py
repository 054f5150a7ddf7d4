"""How each security event is presented: whether its user is shown it, and with which facts; and its class in OCSF.

Law: a user is shown nothing that is not named here. Operators' names and reasons are not.
"""

from dataclasses import dataclass
from enum import IntEnum

from app.events import Event


class OcsfClass(IntEnum):
    """Classes of the Open Cybersecurity Schema Framework, 1.1.0. The thousands are the category."""

    ACCOUNT_CHANGE = 3001
    AUTHENTICATION = 3002
    API_ACTIVITY = 6003


class Severity(IntEnum):
    INFORMATIONAL = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


OTHER = 99
"""An activity that the class has no number for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """*shown*: the facts that the user of the event may see; None: not even that it happened."""

    ocsf: OcsfClass
    activity: int
    severity: Severity
    failed: bool = False
    shown: tuple[str, ...] | None = None

    def to_user(self, *facts: str) -> "Entry":
        return Entry(self.ocsf, self.activity, self.severity, self.failed, facts)


def _account(activity: int = OTHER, severity: Severity = Severity.INFORMATIONAL) -> Entry:
    """1 Create, 2 Enable, 3 Password Change, 4 Password Reset, 5 Disable, 6 Delete, 9 Lock, 10 MFA Factor Enable, 11 Disable."""
    return Entry(OcsfClass.ACCOUNT_CHANGE, activity, severity)


def _signing_in(activity: int = OTHER, severity: Severity = Severity.INFORMATIONAL) -> Entry:
    """1 Logon, 2 Logoff."""
    return Entry(OcsfClass.AUTHENTICATION, activity, severity)


def _refused(ocsf: OcsfClass, activity: int = OTHER, severity: Severity = Severity.LOW) -> Entry:
    return Entry(ocsf, activity, severity, failed=True)


def _service(activity: int = OTHER, severity: Severity = Severity.INFORMATIONAL) -> Entry:
    """1 Create, 2 Read, 3 Update, 4 Delete."""
    return Entry(OcsfClass.API_ACTIVITY, activity, severity)


_ACCOUNT, _LOGON, _API = OcsfClass.ACCOUNT_CHANGE, OcsfClass.AUTHENTICATION, OcsfClass.API_ACTIVITY
_MEDIUM, _HIGH = Severity.MEDIUM, Severity.HIGH

CATALOGUE: dict[Event, Entry] = {
    Event.REGISTERED: _account(),
    Event.EMAIL_VERIFIED: _account(1),
    Event.VERIFICATION_REFUSED: _refused(_ACCOUNT),
    Event.PASSWORD_REFUSED: _refused(_LOGON, 1).to_user(),
    Event.PASSWORD_EXPIRED: _account(9, _HIGH).to_user(),
    Event.RESET_ASKED: _account().to_user(),
    Event.RESET_REFUSED: _refused(_ACCOUNT, 4),
    Event.PASSWORD_CHANGED: _account(3).to_user(),
    Event.PASSWORD_RESET: _account(4, _MEDIUM).to_user(),
    Event.EMAIL_CHANGE_ASKED: _account().to_user(),
    Event.EMAIL_CHANGE_REFUSED: _refused(_ACCOUNT).to_user(),
    Event.EMAIL_CHANGED: _account(OTHER, _MEDIUM).to_user(),
    Event.EMAIL_UNDONE: _account(OTHER, _HIGH).to_user("sessions"),
    Event.EMAIL_UNDO_REFUSED: _refused(_ACCOUNT),
    Event.CODE_ASKED: _signing_in().to_user("factor"),
    Event.CODE_REFUSED: _refused(_LOGON, 1).to_user("factor"),
    Event.ATTEMPTS_EXHAUSTED: _refused(_LOGON, 1, _MEDIUM).to_user("times", "since"),
    Event.SIGNED_IN: _signing_in(1).to_user("acr", "factor"),
    Event.SESSION_REFRESHED: _signing_in(),
    Event.SESSION_STEPPED_UP: _signing_in().to_user("factor"),
    Event.SESSION_ENDED: _signing_in(2).to_user("reason"),
    Event.DEVICE_FORGOTTEN: _account().to_user("device_id"),
    Event.TOKEN_REUSED: _refused(_LOGON, OTHER, _HIGH).to_user(),
    Event.TOKEN_REFUSED: _refused(_API),
    Event.USER_DISABLED: _account(5).to_user("sessions"),
    Event.USER_ENABLED: _account(2).to_user(),
    Event.USER_DELETED: _account(6),
    Event.PROFILE_CHANGED: _account().to_user("fields"),
    Event.DATA_EXPORTED: _service(2, _MEDIUM).to_user(),
    Event.USER_SESSIONS_ENDED: _signing_in(2).to_user("sessions"),
    Event.USER_CREATED: _account(1).to_user(),
    Event.USER_UNLOCKED: _account().to_user(),
    Event.USERS_IMPORTED: _account(1, _MEDIUM),
    Event.USERS_EXPORTED: _service(2, _HIGH),
    Event.FACTORS_RESET: _account(11, _HIGH).to_user("factors"),
    Event.CLAIMS_SET: _account(OTHER, _MEDIUM),
    Event.FACTOR_BEGUN: _account().to_user("factor"),
    Event.FACTOR_CONFIRMED: _account(10).to_user("factor"),
    Event.FACTOR_REFUSED: _refused(_ACCOUNT, 10).to_user("factor"),
    Event.FACTOR_LOCKED: _account(9, _MEDIUM).to_user("factor", "times", "since"),
    Event.FACTOR_CHANGED: _account().to_user("preferred"),
    Event.FACTOR_REMOVED: _account(11, _MEDIUM).to_user("factor"),
    Event.RECOVERY_CODE_USED: _signing_in(OTHER, _MEDIUM).to_user("remaining"),
    Event.RECOVERY_CODES_FEW: _signing_in(),
    Event.RECOVERY_CODES_RENEWED: _account(OTHER, _MEDIUM).to_user(),
    Event.MESSAGE_SENT: _service(1),
    Event.DELIVERY_REPORTED: _service(3),
    Event.RECEIPT_REFUSED: _refused(_API, 3),
    Event.BREACH_CHECK_FAILED: _refused(_API, 2),
    Event.MAIL_HELD_BACK: _refused(_API, 1),
    Event.LIMIT_EXCEEDED: _refused(_API),
    Event.STUFFING_SUSPECTED: _refused(_API, OTHER, _HIGH),
    Event.TEST_NUMBER_USED: _service(OTHER, _MEDIUM),
    Event.SMS_REFUSED: _refused(_API, 1).to_user("times", "since"),
    Event.SMS_BLOCKED: _service(3, _MEDIUM),
    Event.SMS_UNBLOCKED: _service(3),
    Event.KEY_MADE: _service(1),
    Event.KEY_ACTIVATED: _service(3),
    Event.KEY_RETIRED: _service(3),
    Event.KEY_REVOKED: _service(4, _HIGH),
    Event.KEY_WITHDRAWN: _service(4),
    Event.CANNOT_OPEN: _refused(_API, 2, _HIGH),
    Event.AUDIT_READ: _service(2, _MEDIUM),
    Event.AUDIT_EXPORTED: _service(2, _HIGH),
    Event.AUDIT_PRUNED: _service(4, _HIGH),
    Event.RING_RESEALED: _service(3, _HIGH),
}
_BY_NAME = {event.value: entry for event, entry in CATALOGUE.items()}
SHOWN = frozenset(event for event, entry in CATALOGUE.items() if entry.shown is not None)


def find(event: str) -> Entry | None:
    """The entry of an event; None for one that this code no longer, or not yet, knows."""
    return _BY_NAME.get(event)
