"""How knobs are written: durations, lists, senders; and what every group of them has in common."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode

DEVELOPMENT_URL = "http://127.0.0.1:8000"
DEVELOPMENT_SENDER = "Gatehouse <no-reply@localhost>"
LONGEST_ORIGIN = 40
"""So much leaves room for a code's words, brand and app hash in one SMS."""
E164_PATTERN = r"^\+[1-9][0-9]{6,13}$"
"""Plivo takes 14 digits where E.164 allows 15."""
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def _seconds(value: object) -> object:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdecimal() else value


def read_words(value: object) -> object:
    """Read `a,b` as well as `["a", "b"]`."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        return json.loads(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _text(value: object) -> object:
    """A sender of digits only is no number."""
    return str(value) if type(value) is int else value


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:
        raise ValueError("must be a network such as 10.0.0.0/8, or one address") from None
    return value


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


Price = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6)]
Sources = Annotated[str | dict[str, str], BeforeValidator(_text)]
Instant = Annotated[datetime, AfterValidator(_in_utc)]
Duration = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0))]
Pause = Annotated[timedelta, BeforeValidator(_seconds), Field(ge=timedelta(0))]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(read_words)]
Durations = Annotated[tuple[Duration, ...], NoDecode, BeforeValidator(read_words)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(read_words)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(read_words)]


def _bare_host(value: str) -> str:
    if len(value) > LONGEST_ORIGIN or not _HOST.fullmatch(value):
        raise ValueError(f"must be a bare host such as example.com, of at most {LONGEST_ORIGIN} lower-case characters")
    return value


Host = Annotated[str, AfterValidator(_bare_host)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
