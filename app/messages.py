"""Messages to people: their channels, purposes and states; the words themselves are data (`app/texts`)."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class Purpose(StrEnum):
    """Why a message is sent; the dev inbox files by it."""

    VERIFY_EMAIL = "verify_email"
    SIGN_IN = "sign_in"
    CONFIRM = "confirm"
    STEP_UP = "step_up"
    ENROLL = "enroll"
    RESET = "reset"
    NOTICE = "notice"


class Delivery(StrEnum):
    """How far a message has come, the same words everywhere."""

    NONE = "none"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"

    @property
    def earlier(self) -> tuple["Delivery", ...]:
        """The states that this one may replace. Reports come in any order: states only advance, a final one stays."""
        return tuple(one for one in Delivery if _STAGES[one] < _STAGES[self])


_STAGES = {
    Delivery.NONE: 0,
    Delivery.UNKNOWN: 1,
    Delivery.FAILED: 2,
    Delivery.ACCEPTED: 3,
    Delivery.SENT: 4,
    Delivery.DELIVERED: 5,
    Delivery.UNDELIVERED: 5,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a factor wants sent; the flow adds purpose, language and brand."""

    channel: Channel
    to: str = field(repr=False)
    code: str = field(repr=False)
    region: str = ""
    """ISO 3166 region of a phone number."""


@dataclass(frozen=True, slots=True)
class Message:
    """A finished message. `code` is the secret it carries, if any: only the dev inbox looks at it.

    `lifetime` is how long the message is worth delivering; `callback` the address that its receipts go to, which is a
    secret too.
    """

    channel: Channel
    to: str = field(repr=False)
    purpose: Purpose
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    code: str | None = field(default=None, repr=False)
    lifetime: timedelta = timedelta(hours=3)
    region: str = ""
    callback: str | None = field(default=None, repr=False)
