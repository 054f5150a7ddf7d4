"""What is answered about the security events of the user's own account."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.flows.answers.base import Answer
from app.flows.answers.sessions import DeviceName


class SecurityEvent(Answer):
    """Something that happened to the account, whoever did it. `session_id`: of the session it was about, open or not."""

    id: UUID
    at: datetime
    event: Annotated[str, Field(description="See docs/events.md; there may be more.", examples=["sign_in.completed"])]
    session_id: UUID | None
    network: Annotated[
        str | None,
        Field(
            description="An IPv4 address or an IPv6 /64; null for what operators and the service did.",
            examples=["203.0.113.7"],
        ),
    ]
    device: DeviceName
    facts: Annotated[dict[str, str], Field(description="What is known besides.", examples=[{"factor": "sms"}])]


class SecurityEventList(Answer):
    items: list[SecurityEvent]
    next_cursor: Annotated[
        str | None, Field(description="`cursor` of the next page, of older events; null on the last.", examples=[None])
    ]


class SecurityEventHeld(Answer):
    """A row of the audit log; what an operator said of it, and ids within the service, are not given."""

    id: UUID
    at: datetime
    event: Annotated[str, Field(examples=["sign_in.completed"])]
    session_id: UUID | None
    network_address: Annotated[str | None, Field(examples=["203.0.113.7"])]
    agent: Annotated[str | None, Field(description="The User-Agent, cut short.", examples=["Mozilla/5.0"])]
    facts: Annotated[dict[str, str], Field(examples=[{"factor": "sms"}])]
