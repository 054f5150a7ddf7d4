"""What is answered about the user's own account."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.flows.answers.base import Answer


class EmailChangeBegun(Answer):
    """The same for every address: only its mailbox learns whether somebody has it."""

    status: Literal["verification_sent"] = "verification_sent"
    expires_in: Annotated[int, Field(description="Seconds the code will be good.", examples=[3600])]


class Profile(Answer):
    id: UUID
    email: Annotated[str, Field(examples=["ada@example.com"])]
    email_verified: Literal[True] = True
    pending_email: Annotated[
        str | None, Field(description="An address that waits for its code; only its owner sees it.", examples=[None])
    ]
    display_name: str | None
    locale: Annotated[str, Field(examples=["en"])]
    mfa_enabled: bool
    created_at: datetime
    last_login_at: datetime | None
