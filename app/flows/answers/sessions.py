"""What is answered about open sessions and known devices."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.flows.answers.base import Answer

DeviceName = Annotated[
    str | None, Field(description="What the User-Agent named; null if nothing.", examples=["Firefox on Windows"])
]
Network = Annotated[
    str | None,
    Field(
        description="An IPv4 address or an IPv6 /64: of the sign-in or, for sessions, the last refresh.",
        examples=["203.0.113.7"],
    ),
]
Cursor = Annotated[str | None, Field(description="Always null here: all of them fit on one page.")]
Current = Annotated[bool, Field(description="The caller's own.")]
LastSeen = Annotated[datetime, Field(description="To the minute.")]


class SessionEntry(Answer):
    """An open session."""

    id: UUID
    current: Current
    device: DeviceName
    device_id: UUID | None
    network: Network
    acr: Annotated[str, Field(examples=["urn:gatehouse:mfa"])]
    amr: Annotated[list[str], Field(examples=[["pwd", "otp", "mfa"]])]
    created_at: datetime
    last_seen_at: LastSeen
    expires_at: datetime


class SessionList(Answer):
    items: list[SessionEntry]
    next_cursor: Cursor = None


class DeviceEntry(Answer):
    """A device that was signed in on, while its password and factors are the ones of then."""

    id: UUID
    current: Current
    device: DeviceName
    network: Network
    device_trust: Annotated[
        Literal["known", "trusted"], Field(description="`trusted`: a sign-in on it needs no second factor.")
    ]
    trusted_until: datetime | None
    created_at: datetime
    last_seen_at: Annotated[datetime, Field(description="The last sign-in on it.")]


class DeviceList(Answer):
    items: list[DeviceEntry]
    next_cursor: Cursor = None
