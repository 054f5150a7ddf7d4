"""The knobs, grouped by who uses them: a room is given its group and nothing else."""

import json
import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode

DEVELOPMENT_URL = "http://127.0.0.1:8000"
DEVELOPMENT_SENDER = "Gatehouse <no-reply@localhost>"
LONGEST_ORIGIN = 40
"""So much leaves room for a code's words, brand and app hash in one SMS."""
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def _seconds(value: object) -> object:
    return float(value) if isinstance(value, str) and value.replace(".", "", 1).isdecimal() else value


def _words(value: object) -> object:
    """Read `a,b` as well as `["a", "b"]`."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        return json.loads(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _text(value: object) -> object:
    """A sender of digits only is no number."""
    return str(value) if type(value) is int else value


Sources = Annotated[str | dict[str, str], BeforeValidator(_text)]
Duration = Annotated[timedelta, BeforeValidator(_seconds), Field(gt=timedelta(0))]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Durations = Annotated[tuple[Duration, ...], NoDecode, BeforeValidator(_words)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_words)]


def _bare_host(value: str) -> str:
    if len(value) > LONGEST_ORIGIN or not _HOST.fullmatch(value):
        raise ValueError(f"must be a bare host such as example.com, of at most {LONGEST_ORIGIN} lower-case characters")
    return value


Host = Annotated[str, AfterValidator(_bare_host)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DatabaseSettings(Group):
    """PostgreSQL 14 or newer."""

    url: SecretStr | None = Field(
        None, description="postgresql+asyncpg://user:password@host/name. Unset in development: embedded PostgreSQL."
    )
    tls: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "prefer", description="As libpq's sslmode. A unix socket wants `disable`."
    )
    pgbouncer: bool = Field(
        False, description="True behind PgBouncer in transaction mode: no named prepared statements."
    )
    pool_size: Annotated[int, Field(ge=1)] = Field(10, description="Connections a worker keeps.")
    pool_wait: Duration = Field(
        timedelta(seconds=3), description="How long a request waits for a connection before 503."
    )
    statement_limit: Duration = Field(
        timedelta(seconds=8), description="A statement or an idle transaction ends after this."
    )


class TokenSettings(Group):
    """Who issues tokens, for whom, and how long they live."""

    issuer: str = Field(DEVELOPMENT_URL, description="`iss` of every token.")
    audience: str | None = Field(None, description="`aud` of access tokens; the issuer when unset.")
    access_life: Duration = Field(
        timedelta(minutes=10), ge=timedelta(seconds=2), description="Access token; each lives up to 5 % less."
    )
    pending_life: Duration = Field(
        timedelta(minutes=10),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=10),
        description="A sign-in that waits for its second factor.",
    )
    refresh_idle: Duration = Field(timedelta(days=14), description="A session unused for this long ends.")
    refresh_max: Duration = Field(timedelta(days=30), description="Every session ends after this.")
    refresh_grace: Duration = Field(
        timedelta(seconds=60), description="A lost answer may be asked for again this long."
    )


class HttpSettings(Group):
    """What the service listens on and tells browsers."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    public_url: str = Field(
        DEVELOPMENT_URL, description="Where clients reach the service; base of problem types and links."
    )
    cors_origins: Words = Field(
        (), description="Origins of browsers' pages, e.g. https://app.example.com. No wildcard."
    )
    body_limit: Annotated[int, Field(ge=1024)] = Field(16 * 1024, description="Bytes.")
    docs: bool | None = Field(None, description="/docs, /redoc and /openapi.json. Unset: in development only.")
    shutdown_grace: Duration = Field(
        timedelta(seconds=20), description="How long requests in flight may take to finish."
    )


class SmsSettings(Group):
    """SMS through Plivo; with no credentials in development, messages go to the dev inbox."""

    plivo_auth_id: str | None = None
    plivo_auth_token: SecretStr | None = None
    plivo_src: Sources | None = Field(
        None,
        description='A sender ("+1…", "BRAND"), senders by region as JSON ({"US": "+1…", "*": "BRAND"}), or "powerpack:UUID".',
    )
    plivo_base_url: str = Field("https://api.plivo.com", description="A stand-in for tests; https only in production.")
    regions: Words | None = Field(None, description="Served regions, e.g. US,DE; unset in development: all.")
    threads: Annotated[int, Field(ge=1, le=64)] = Field(16, description="Messages a worker sends at a time.")
    deadline: Duration = Field(timedelta(seconds=8), description="After this the outcome of a send is unknown.")
    answer_wait: Duration = Field(timedelta(seconds=3), description="How long an answer waits for the provider.")
    origin: Host | None = Field(
        None,
        description="Host that a code is bound to, e.g. example.com: the last line is `@example.com #123456`, for autofill.",
    )
    android_app_hash: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{11}$")] | None = Field(
        None,
        description="Hash of the Android app that may read codes (SMS Retriever): 11 characters, ends the message.",
    )


class EmailSettings(Group):
    """E-mail through SMTP; with no URL in development, messages go to the dev inbox."""

    model_config = ConfigDict(**Group.model_config, populate_by_name=True)

    smtp_url: SecretStr | None = Field(
        None, description="smtps://user:password@host:465, or smtp:// with STARTTLS when offered."
    )
    sender: str = Field(DEVELOPMENT_SENDER, alias="from", description="The From header.")
    reset_url: Annotated[str, Field(max_length=1024)] | None = Field(
        None,
        description="Your page that resets a password, with the token in its fragment. Unset: PUBLIC_URL + /reset.",
    )
    queue: Annotated[int, Field(ge=1)] = Field(
        1000, description="Mails a worker holds; beyond it they are dropped with an event."
    )
    timeout: Duration = timedelta(seconds=20)


class MfaSettings(Group):
    """Second factors."""

    policy: Literal["optional", "required"] = Field("optional", description="Whether a user must have a second factor.")
    required_since: datetime | None = Field(
        None, description="When the policy became `required`: users from before it have `grace` to enrol a factor."
    )
    grace: Duration = Field(timedelta(days=30), description="Counted from `required_since`.")
    factors: Words = Field(("sms", "totp"), description="Kinds that users may enrol.")
    code_life: Duration = Field(
        timedelta(minutes=5), le=timedelta(minutes=10), description="How long a sent code is good."
    )
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(5, description="Answers judged a sign-in or confirmation.")
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
    changed_phone_rests: Duration = Field(
        timedelta(hours=24), description="A replaced number cannot approve a change of factors for this long."
    )
    fresh: Duration = Field(timedelta(minutes=5), description="How old a sign-in may be where a step-up is wanted.")


class PasswordSettings(Group):
    """NIST SP 800-63B-4 §3.1.1.2 and Argon2id (RFC 9106); the floor is OWASP's."""

    min_length: Annotated[int, Field(ge=8)] | None = Field(
        None, description="Characters. Unset: 15, or 8 where MFA__POLICY demands a second factor."
    )
    max_length: Annotated[int, Field(ge=64, le=1024)] = Field(256, description="Characters.")
    memory_kib: Annotated[int, Field(ge=19_456)] = 19_456
    time_cost: Annotated[int, Field(ge=2)] = 2
    parallelism: Annotated[int, Field(ge=1)] = 1
    threads: Annotated[int, Field(ge=0)] = Field(0, description="Hashing threads a worker; 0: cores ÷ workers.")
    queue: Annotated[int, Field(ge=1)] = Field(
        64, description="Hashes that may wait a worker; beyond it 503 `overloaded`."
    )
    reset_life: Duration = Field(
        timedelta(hours=1), le=timedelta(hours=1), description="How long a reset link is good."
    )
    reset_mails: str = Field(
        "1/minute;5/hour;10/day", description="Reset links mailed to one address; more are dropped silently."
    )


class RegistrationSettings(Group):
    """How people come in."""

    open: bool = Field(True, description="False: /register is not there.")
    code_life: Duration = Field(timedelta(hours=24), le=timedelta(hours=24))
    attempts: Annotated[int, Field(ge=1, le=10)] = 5
    mails: str = Field("1/minute;5/hour;10/day", description="Codes mailed to one address; more are dropped silently.")


class LogSettings(Group):
    """Structured logs on standard output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["console", "json"] | None = Field(
        None, description="Unset: json in production, console in development."
    )
