"""Everything that is held about a user, as its owner is given it. What is secret is named, and not given.

A field is a column of the table that is read for it; one that says `not given` stands for columns that stay.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.flows.answers.base import Answer
from app.messages import Delivery, Purpose

Code = Literal["kept as a keyed digest, not given"]
Token = Literal["kept as a SHA-256 digest, not given"]
Index = Literal["kept as a keyed digest, not given"]
CODE: Code = "kept as a keyed digest, not given"
TOKEN: Token = "kept as a SHA-256 digest, not given"  # noqa: S105  what is said instead of one
INDEX: Index = "kept as a keyed digest, not given"
Email = Annotated[str, Field(examples=["ada@example.com"])]
Language = Annotated[str, Field(examples=["en"])]
Network = Annotated[str, Field(description="An IPv4 address or an IPv6 /64.", examples=["203.0.113.7"])]
Agent = Annotated[str, Field(description="The User-Agent, cut short.", examples=["Mozilla/5.0"])]
Count = Annotated[int, Field(examples=[1])]
Kind = Annotated[str, Field(examples=["sms"])]
PASSWORD = "kept as an Argon2id hash, not given"  # noqa: S105  what is said instead of one


class AccountHeld(Answer):
    """The account itself. Every address that signs in was verified."""

    id: UUID
    email: Email
    email_verified: Literal[True] = True
    password: Annotated[str, Field(examples=[PASSWORD])]
    password_expired: bool
    active: bool
    display_name: Annotated[str | None, Field(examples=["Ada"])]
    locale: Language
    claims: Annotated[dict[str, Any], Field(description="What an operator puts into access tokens.", examples=[{}])]
    email_proof_due: Annotated[
        str | None, Field(description="Why a first factor needs a code mailed to the address.", examples=[None])
    ]
    created_at: datetime
    last_login_at: datetime | None


class FactorHeld(Answer):
    """An enrolled factor, or one that waits for its first right answer; recovery codes are one."""

    id: UUID
    kind: Kind
    label: Annotated[str | None, Field(examples=["My tablet"])]
    preferred: bool
    held: Annotated[
        dict[str, str | int],
        Field(description="What the factor keeps.", examples=[{"phone_number": "+12025550123", "region": "US"}]),
    ]
    created_at: datetime
    confirmed_at: datetime | None
    replaced_at: datetime | None


class SessionHeld(Answer):
    """A session, open or ended."""

    id: UUID
    device_id: UUID | None
    network: Network
    agent: Agent
    amr: Annotated[list[str], Field(examples=[["pwd", "otp", "mfa"]])]
    acr: Annotated[str, Field(examples=["urn:gatehouse:mfa"])]
    auth_time: datetime
    created_at: datetime
    rotated_at: datetime
    seen_at: datetime | None
    expires_at: datetime
    ended_at: datetime | None
    end_reason: Annotated[str | None, Field(examples=["logout"])]


class DeviceHeld(Answer):
    id: UUID
    network: Network
    agent: Agent
    token: Token = TOKEN
    created_at: datetime
    seen_at: datetime
    trusted_until: datetime | None


class SendHeld(Answer):
    """An SMS that was to be sent. `price` is in millionths of the service's currency."""

    id: UUID
    challenge_id: UUID | None
    purpose: Purpose
    region: Annotated[str, Field(examples=["US"])]
    confirmed: bool
    number: Index = INDEX
    network: Index = INDEX
    price: Annotated[int, Field(examples=[8000])]
    sender: Annotated[str | None, Field(examples=["plivo"])]
    provider_id: Annotated[str | None, Field(description="What the provider calls it.", examples=[None])]
    receipt_token: Token = TOKEN
    delivery: Delivery
    error: Annotated[str | None, Field(description="The provider's code.", examples=[None])]
    created_at: datetime
    settled_at: datetime | None
    verified_at: datetime | None


class ChallengeHeld(Answer):
    """A sign-in, a confirmation or a step-up, answered or not."""

    id: UUID
    purpose: Purpose
    factor: Annotated[str | None, Field(examples=["sms"])]
    session_id: UUID | None
    device_id: UUID | None
    remember: bool
    cookie: bool
    attempts: Count
    sends: Count
    code: Code = CODE
    delivery: Delivery
    code_expires_at: datetime | None
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None


class CooldownHeld(Answer):
    """When the next code may be sent."""

    kind: Kind
    sends: Count
    next_at: datetime


class BudgetHeld(Answer):
    """Wrong answers in a row, of a factor or, under `*`, of all."""

    kind: Kind
    streak: Count
    locked_until: datetime | None


class ResetHeld(Answer):
    token: Token = TOKEN
    expires_at: datetime


class RegistrationHeld(Answer):
    """A sign-up with the same address that waits for its code, whoever made it."""

    email: Email
    locale: Language
    password: Annotated[str, Field(examples=[PASSWORD])] = PASSWORD
    code: Code = CODE
    attempts: Count
    created_at: datetime
    expires_at: datetime


class EmailChangeHeld(Answer):
    """An address that waits for its code."""

    email: Email
    code: Code = CODE
    attempts: Count
    created_at: datetime
    expires_at: datetime


class EmailUndoHeld(Answer):
    """An address that was left, and may be brought back until then."""

    email: Email
    token: Token = TOKEN
    created_at: datetime
    expires_at: datetime


class MailHeld(Answer):
    """A notice on its way to the address."""

    recipient: Email
    template: Annotated[str, Field(examples=["password_changed"])]
    locale: Language
    words: Annotated[dict[str, str], Field(examples=[{}])]
    tries: Count
    created_at: datetime
    due_at: datetime
