"""Every knob, grouped by who uses it, frozen. There is no global instance: `main` reads one and hands out its groups.

Environment variables are `GATEHOUSE_` + group + `__` + name. Durations are ISO 8601 (`PT5M`) or seconds; lists are
`a,b` or JSON. An impossible or unsafe combination stops the start with a sentence that says what to do.
"""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.settings import files
from app.settings.audit import AuditSettings
from app.settings.email import EmailSettings
from app.settings.groups import DatabaseSettings, LogSettings, SmsSettings, TokenSettings
from app.settings.http import HttpSettings
from app.settings.limits import LimitSettings, Mode
from app.settings.metrics import MetricsSettings
from app.settings.people import (
    ALONE,
    WITHIN_MFA,
    DeviceSettings,
    EmailChangeSettings,
    MfaSettings,
    PasswordSettings,
    RegistrationSettings,
)
from app.settings.retention import RetentionSettings
from app.settings.sms_limits import SmsLimitSettings
from app.settings.telemetry import TelemetrySettings
from app.settings.types import Secrets
from app.settings.unknown import Unknown
from app.settings.unsafe import unsafe


class Settings(BaseSettings):
    """All of it. `Settings()` reads the environment; tests say what they want."""

    model_config = SettingsConfigDict(
        env_prefix="GATEHOUSE_", env_nested_delimiter="__", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["development", "production"] = Field("production", description="Unset means production.")
    brand: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9 .&-]+$")] = Field(
        "Gatehouse", description="Named in messages."
    )
    secret_keys: Secrets = Field(
        (), description="32 random bytes each, base64url: the first one writes, all read. `gatehouse keys new`."
    )
    workers: Annotated[int, Field(ge=1)] = Field(1, description="Worker processes of `gatehouse serve`.")
    data_dir: str = Field(".data", description="Development only: embedded PostgreSQL, dev inbox, generated keys.")
    texts_dir: str | None = Field(
        None, description="Folder of your own message texts: TOML files as in app/texts, each key in the place of ours."
    )
    secrets_dir: str | None = Field(None, description="Files named as variables, see docs/deployment.md.")
    database: DatabaseSettings = DatabaseSettings()
    tokens: TokenSettings = TokenSettings()
    http: HttpSettings = HttpSettings()
    sms: SmsSettings = SmsSettings()
    email: EmailSettings = EmailSettings()
    mfa: MfaSettings = MfaSettings()
    devices: DeviceSettings = DeviceSettings()
    passwords: PasswordSettings = PasswordSettings()
    registration: RegistrationSettings = RegistrationSettings()
    email_change: EmailChangeSettings = EmailChangeSettings()
    limits: LimitSettings = LimitSettings()
    sms_limits: SmsLimitSettings = SmsLimitSettings()
    audit: AuditSettings = AuditSettings()
    retention: RetentionSettings = RetentionSettings()
    logs: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  pydantic hands it over, and no such file is read
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        told = env_settings, *files.sources(file_secret_settings)
        return init_settings, *told, Unknown(settings_cls, told)

    @property
    def in_development(self) -> bool:
        return self.environment == "development"

    @property
    def drain(self) -> timedelta:
        """How long a worker that is to stop goes on, so that proxies notice."""
        return self.http.drain if self.http.drain is not None else timedelta(seconds=0 if self.in_development else 5)

    @property
    def shortest_password(self) -> int:
        """NIST SP 800-63B-4 §3.1.1.2."""
        return self.passwords.min_length or (WITHIN_MFA if self.mfa.policy == "required" else ALONE)

    @property
    def reset_page(self) -> str:
        """Where the link of a reset mail leads."""
        return self.email.reset_url or f"{self.http.public_url.rstrip('/')}/reset"

    @property
    def undo_page(self) -> str:
        """Where the link leads that undoes a change of e-mail."""
        return self.email.undo_url or f"{self.http.public_url.rstrip('/')}/undo-email"

    @property
    def receipts_address(self) -> str | None:
        """Where Plivo reports to, without a message's token; None when it is not asked to."""
        base, sms = self.http.public_url.rstrip("/"), self.sms
        wanted = base.startswith("https:") if sms.receipts is None else sms.receipts
        return f"{base}/webhooks/plivo/" if wanted and sms.plivo_auth_id else None

    @property
    def logs_as_json(self) -> bool:
        return self.logs.format == "json" if self.logs.format else not self.in_development

    @property
    def network_limits(self) -> Mode:
        """In development everybody comes from one network."""
        return self.limits.network or ("record_only" if self.in_development else "enforce")

    @property
    def sms_limits_mode(self) -> Mode:
        """In development the numbers are made up, and alike."""
        return self.sms_limits.mode or ("record_only" if self.in_development else "enforce")

    @model_validator(mode="after")
    def refuse_unsafe(self) -> Self:
        if faults := list(unsafe(self)):
            raise ValueError(" ".join(faults))
        return self
