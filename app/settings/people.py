"""The knobs of what people do: second factors, passwords, registration."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.settings.rules import WrittenRules
from app.settings.types import Duration, Durations, Group, Instant, Words

ALONE, WITHIN_MFA = 15, 8
"""Characters of a password: by itself, and where it never stands alone."""
MOST_MEMORY_KIB, MOST_MEMORY_PASSES, MOST_PARALLELISM = 262_144, 1_048_576, 16
"""An Argon2 hash that costs more, ours or another system's, is never computed; passes are counted in KiB."""


class MfaSettings(Group):
    """Second factors."""

    policy: Literal["optional", "required"] = Field("optional", description="Whether a user must have a second factor.")
    required_since: Instant | None = Field(
        None,
        description="When the policy became `required`, in UTC where it says no zone: "
        "users from before it have `grace` to enrol a factor.",
    )
    grace: Duration = Field(timedelta(days=30), description="Counted from `required_since`.")
    factors: Words = Field(("sms", "totp"), description="Kinds that users may enrol.")
    code_life: Duration = Field(
        timedelta(minutes=5),
        le=timedelta(minutes=10),
        description="How long a sent code is good.",
    )
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        5, description="Wrong answers allowed per sign-in, step-up or confirmation."
    )
    lock_at: Annotated[int, Field(ge=3, le=100)] = Field(10, description="Wrong answers in a row that lock a factor.")
    lock_every: Annotated[int, Field(ge=1, le=100)] = Field(5, description="And each further this many.")
    locks: Durations = Field(
        tuple(timedelta(minutes=m) for m in (10, 15, 60)), min_length=1, description="The growing locks."
    )
    stop_at: Annotated[int, Field(ge=20, le=100)] = Field(
        100, description="Wrong answers in a row after which a factor must be bound anew (NIST SP 800-63B-4 §3.2.2)."
    )
    password_expires_at: Annotated[int, Field(ge=10, le=100)] = Field(
        20, description="Wrong answers in a row, over all factors, after which the password must be reset."
    )
    resend_after: Durations = Field(
        tuple(timedelta(seconds=s) for s in (30, 60, 120, 300, 600, 1800)),
        min_length=1,
        description="The growing cool-down between codes.",
    )
    enroll_life: Duration = Field(timedelta(minutes=15), description="An unconfirmed factor is gone after this.")
    replaced_factor_rests: Duration = Field(
        timedelta(hours=24), description="A replaced factor cannot approve a change of factors for this long."
    )


class DeviceSettings(Group):
    """Devices that people signed in on."""

    trust: bool = Field(True, description="False: nobody's device skips the second factor.")
    trusted_for: Duration = Field(
        timedelta(days=30), le=timedelta(days=90), description="A remembered device skips the second factor this long."
    )
    max_known: Annotated[int, Field(ge=1, le=200)] = Field(
        50, description="Known devices a user; beyond it the one unused the longest is forgotten."
    )


class PasswordSettings(Group):
    """NIST SP 800-63B-4 §3.1.1.2 and Argon2id (RFC 9106); the floor is OWASP's."""

    min_length: Annotated[int, Field(ge=8)] | None = Field(
        None, description="Characters. Unset: 15, or 8 where MFA__POLICY demands a second factor."
    )
    max_length: Annotated[int, Field(ge=64, le=1024)] = Field(256, description="Characters.")
    memory_kib: Annotated[int, Field(ge=19_456, le=MOST_MEMORY_KIB)] = Field(
        19_456, description="Argon2id: memory of a hash. `gatehouse calibrate` finds what your machine can do."
    )
    time_cost: Annotated[int, Field(ge=2)] = Field(2, description="Argon2id: passes over it.")
    parallelism: Annotated[int, Field(ge=1, le=MOST_PARALLELISM)] = Field(1, description="Argon2id: lanes.")
    threads: Annotated[int, Field(ge=0)] = Field(0, description="Hashing threads a worker; 0: cores ÷ workers.")
    queue: Annotated[int, Field(ge=1)] = Field(
        64, description="Hashes that may wait a worker; beyond it 503 `overloaded`."
    )
    reset_life: Duration = Field(
        timedelta(hours=1), le=timedelta(hours=1), description="How long a reset link is good."
    )
    reset_mails: WrittenRules = Field(
        "1/minute;5/hour;10/day",
        description="Reset links that a network has mailed to one address, all networks together six times as many; more are"
        " dropped silently.",
    )
    breach_check_url: Annotated[str, Field(max_length=1024)] | None = Field(
        None,
        description="A range API of breached passwords, e.g. https://api.pwnedpasswords.com/range: it gets five hex digits"
        " of a new password's SHA-1. Unset: no check.",
    )
    breach_check_wait: Duration = Field(
        timedelta(seconds=2), le=timedelta(seconds=10), description="After this a new password passes unchecked."
    )

    @model_validator(mode="after")
    def refuse_costly(self) -> Self:
        if self.memory_kib * self.time_cost > MOST_MEMORY_PASSES:
            raise ValueError(f"MEMORY_KIB × TIME_COST must not exceed {MOST_MEMORY_PASSES}: about a second a hash.")
        return self


class EmailChangeSettings(Group):
    """Another e-mail address."""

    code_life: Duration = Field(
        timedelta(hours=1), le=timedelta(hours=24), description="How long a code mailed to the new address is good."
    )
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(5, description="Codes judged for a change.")
    mails: WrittenRules = Field(
        "1/minute;5/hour;10/day",
        description="Codes that a network has mailed to one new address, all networks together six times as many; more are"
        " dropped silently.",
    )
    user_mails: WrittenRules = Field(
        "5/hour;10/day", description="Codes mailed for one user; more are dropped silently."
    )
    user_tries: WrittenRules = Field(
        "60/hour;200/day", description="Changes that one user asks for, and codes that they try; more are refused."
    )
    undo_life: Duration = Field(
        timedelta(hours=72),
        ge=timedelta(hours=24),
        le=timedelta(days=30),
        description="How long the old address may undo the change, and nobody else gets it.",
    )


class RegistrationSettings(Group):
    """How people come in."""

    open: bool = Field(True, description="False: /register is not there.")
    code_life: Duration = Field(
        timedelta(hours=24), le=timedelta(hours=24), description="How long a mailed code is good."
    )
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(5, description="Codes judged for a registration.")
    mails: WrittenRules = Field(
        "1/minute;5/hour;10/day",
        description="Codes that a network has mailed to one address, all networks together six times as many; more are"
        " dropped silently.",
    )
