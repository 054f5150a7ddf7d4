"""The knobs of traces: where they go, and how many of them; without the first there are none."""

from typing import Annotated

from pydantic import Field

from app.settings.types import Group

_PATH = "/v1/traces"


class TelemetrySettings(Group):
    """Traces through OpenTelemetry, see docs/monitoring.md. Without ENDPOINT there are none."""

    endpoint: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="An OTLP/HTTP collector, e.g. http://127.0.0.1:4318. OTEL_EXPORTER_OTLP_ENDPOINT is not read."
    )
    ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="Share of requests that are traced; a trusted proxy's `traceparent` decides for its own."
    )

    @property
    def traces_url(self) -> str | None:
        """The endpoint may be given with its path or without."""
        return f"{self.endpoint.rstrip('/').removesuffix(_PATH)}{_PATH}" if self.endpoint else None
