"""The answer of `GET /me/export`: all that is held, in one document."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.flows.answers.base import Answer
from app.flows.answers.held import (
    AccountHeld,
    BudgetHeld,
    ChallengeHeld,
    CooldownHeld,
    DeviceHeld,
    EmailChangeHeld,
    EmailUndoHeld,
    FactorHeld,
    MailHeld,
    RegistrationHeld,
    ResetHeld,
    SendHeld,
    SessionHeld,
)
from app.flows.answers.security_events import SecurityEventHeld


class Export(Answer):
    """Lists are oldest first. How long each is kept, and why: docs/privacy.md."""

    made_at: datetime
    account: AccountHeld
    factors: list[FactorHeld]
    recovery_codes_left: Annotated[int, Field(examples=[10])]
    sessions: list[SessionHeld]
    devices: list[DeviceHeld]
    sends: list[SendHeld]
    challenges: list[ChallengeHeld]
    cooldowns: list[CooldownHeld]
    budgets: list[BudgetHeld]
    password_resets: list[ResetHeld]
    registrations: list[RegistrationHeld]
    email_changes: list[EmailChangeHeld]
    email_undos: list[EmailUndoHeld]
    mails: list[MailHeld]
    security_events: list[SecurityEventHeld]
    security_events_complete: Annotated[
        bool, Field(description="False: these are the newest ten thousand; `GET /me/security-events` goes on.")
    ]
    tokens_void_before: Annotated[
        datetime | None, Field(description="No access token from before it is good.", examples=[None])
    ]
