"""The knobs, grouped by who uses them: a room is given its group and nothing else."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, SecretStr

from app.settings.fixed_codes import FixedCode
from app.settings.near import is_near
from app.settings.rules import WrittenRules
from app.settings.types import (
    DEVELOPMENT_URL,
    Duration,
    Group,
    Host,
    Price,
    Sources,
    Words,
)


class DatabaseSettings(Group):
    """PostgreSQL 14 or newer."""

    url: SecretStr | None = Field(
        None, description="postgresql+asyncpg://user:password@host/name. Unset in development: embedded PostgreSQL."
    )
    owner_url: SecretStr | None = Field(
        None,
        description="The same database as its owner, for `migrate` and `prune --audit`; unset: URL. See docs/audit.md.",
    )
    tls: Literal["disable", "prefer", "require", "verify-full"] | None = Field(
        None,
        description="As libpq's sslmode. Unset: verify-full; `prefer` where URL names a unix socket or this machine.",
    )
    tls_ca: FilePath | None = Field(
        None, description="Certificates (PEM) that the database's must be signed by. Unset: the system's."
    )
    tls_certificate: FilePath | None = Field(
        None, description="Certificate (PEM) that the service shows to the database; read again for each connection."
    )
    tls_key: FilePath | None = Field(None, description="Its private key, not encrypted.")
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

    @property
    def tls_mode(self) -> Literal["disable", "prefer", "require", "verify-full"]:
        """What is spoken: nothing falls back to plain text over a network unless the operator says so."""
        return self.tls or ("prefer" if self.is_near and not self._has_certificates else "verify-full")

    @property
    def is_near(self) -> bool:
        return self.url is None or is_near(self.url.get_secret_value())

    @property
    def _has_certificates(self) -> bool:
        return bool(self.tls_ca or self.tls_certificate or self.tls_key)

    @property
    def of_owner(self) -> Self:
        """For whoever changes the schema: the service's own role may not."""
        return self.model_copy(update={"url": self.owner_url or self.url})


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
    max_sessions: Annotated[int, Field(ge=1, le=200)] = Field(
        20, description="Open sessions a user may have; one more ends the oldest."
    )
    revocations_life: Duration = Field(
        timedelta(seconds=30),
        ge=timedelta(seconds=2),
        le=timedelta(minutes=5),
        description="A document of /sessions/revocations: a service that gets no newer one refuses every token after this.",
    )
    refresh_grace: Duration = Field(
        timedelta(seconds=60), description="A lost answer may be asked for again this long."
    )
    algorithm: Literal["ES256", "EdDSA", "PS256"] = Field(
        "ES256", description="Of signing keys made from now on: the next rotation brings it into use."
    )
    rotate_every: Duration | Literal["never"] = Field(
        timedelta(days=90), description="How long a signing key signs; `never`: until `gatehouse keys rotate`."
    )
    publish_ahead: Duration = Field(
        timedelta(minutes=10),
        description="A signing key is published for so long before it signs; not less in production.",
    )
    follow_keys_every: Duration = Field(
        timedelta(seconds=10),
        ge=timedelta(milliseconds=50),
        le=timedelta(seconds=30),
        description="How often a worker looks whether keys were rotated or revoked.",
    )


class SmsSettings(Group):
    """SMS through Plivo; with no credentials in development, messages go to the dev inbox."""

    plivo_auth_id: str | None = Field(None, description="The Plivo account, or a subaccount of it.")
    plivo_auth_token: SecretStr | None = Field(None, description="Its token, which signs receipts too.")
    plivo_src: Sources | None = Field(
        None,
        description='A sender ("+1…", "BRAND"), senders by region as JSON ({"US": "+1…", "*": "BRAND"}), or "powerpack:UUID".',
    )
    plivo_base_url: str = Field("https://api.plivo.com", description="A stand-in for tests; https only in production.")
    regions: Words | None = Field(None, description="Served regions, e.g. US,DE; unset in development: all.")
    threads: Annotated[int, Field(ge=1, le=64)] = Field(16, description="Messages a worker sends at a time.")
    deadline: Duration = Field(timedelta(seconds=8), description="After this the outcome of a send is unknown.")
    answer_wait: Duration = Field(timedelta(seconds=3), description="How long an answer waits for the provider.")
    receipts: bool | None = Field(
        None, description="Ask Plivo for delivery receipts. Unset: where HTTP__PUBLIC_URL is https."
    )
    fallback_plivo_src: Sources | None = Field(
        None, description="A second sender, as PLIVO_SRC: it takes over what Plivo turned away."
    )
    fallback_plivo_auth_id: str | None = Field(None, description="Its account or subaccount; unset: the same.")
    fallback_plivo_auth_token: SecretStr | None = Field(None, description="The token of that account.")
    fallback_webhook_url: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="Or a webhook of yours takes over: a signed POST of JSON, see docs/delivery.md."
    )
    fallback_webhook_secret: SecretStr | None = Field(None, description="`whsec_` and 24 to 64 random bytes in base64.")
    test_numbers: tuple[FixedCode, ...] = Field(
        (),
        description='Numbers whose code is fixed and that get no SMS, as JSON: [{"number": "+1…", "code": "…", "until": "2031-01-31T00:00:00Z"}]; see docs/test-numbers.md.',
    )
    origin: Host | None = Field(
        None,
        description="Host that a code is bound to, e.g. example.com: the last line is `@example.com #123456`, for autofill.",
    )
    prices: dict[str, Price] | None = Field(
        None,
        description='What an SMS costs by region, in your currency, as JSON: {"US": 0.008, "*": 0.1}; `*` is every other region.',
    )
    budget: WrittenRules | None = Field(
        None,
        description="What SMS may cost, by UTC, e.g. 50/hour;200/day: beyond it none is sent; numbers nobody confirmed get half.",
    )
    android_app_hash: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{11}$")] | None = Field(
        None,
        description="Hash of the Android app that may read codes (SMS Retriever): 11 characters, ends the message.",
    )

    @property
    def fallback_plivo(self) -> Self:
        """The settings of the second sender through Plivo."""
        own_account = {"plivo_auth_id": self.fallback_plivo_auth_id, "plivo_auth_token": self.fallback_plivo_auth_token}
        account = own_account if self.fallback_plivo_auth_id else {}
        return self.model_copy(update={"plivo_src": self.fallback_plivo_src, **account})

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Of every account that sends: Plivo signs its receipts with the sending one's, and with the main one's."""
        given = (self.plivo_auth_token, self.fallback_plivo_auth_token)
        return tuple(token.get_secret_value() for token in given if token)


class LogSettings(Group):
    """Structured logs on standard output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="What is less is not written.")
    format: Literal["console", "json"] | None = Field(
        None, description="Unset: json in production, console in development."
    )
