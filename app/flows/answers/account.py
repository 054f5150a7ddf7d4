"""What is answered about the user's own account."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.flows.answers.base import Answer


class Profile(Answer):
    id: UUID
    email: Annotated[str, Field(examples=["ada@example.com"])]
    email_verified: Literal[True] = True
    display_name: str | None
    locale: Annotated[str, Field(examples=["en"])]
    mfa_enabled: bool
    created_at: datetime
    last_login_at: datetime | None
