"""What every answer is made of. Ages and lives are whole seconds."""

from datetime import timedelta
from math import ceil
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Jwt = Annotated[str, Field(examples=["eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl"])]
Bearer = Literal["Bearer"]


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


def whole_seconds(span: timedelta) -> int:
    """Rounded up, so that coming back after this many is never too early; never below zero."""
    return max(0, ceil(span.total_seconds()))
