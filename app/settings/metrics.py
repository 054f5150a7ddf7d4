"""The knobs of metrics: a port of their own, or the main port behind a token; with neither there are none."""

from typing import Annotated

from pydantic import Field, SecretStr

from app.settings.types import Group


class MetricsSettings(Group):
    """Prometheus metrics, see docs/monitoring.md. Without PORT and TOKEN there are none."""

    host: str = Field("127.0.0.1", description="What PORT is opened on.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="GET /metrics on a port of its own, which one process opens for all workers."
    )
    token: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="Bearer token that GET /metrics wants; without PORT it is served on the main port."
    )

    @property
    def wanted(self) -> bool:
        return bool(self.port or self.token)

    @property
    def on_main_port(self) -> bool:
        return self.token is not None and self.port is None
