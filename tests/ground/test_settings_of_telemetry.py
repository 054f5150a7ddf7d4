"""Where traces go: nowhere unless it is said, and to one place that is a URL."""

import pytest
from pydantic import ValidationError

from tests.ground.conftest import Environment


def test_there_are_no_traces_unless_somebody_says_where(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert environment.production().telemetry.endpoint is None
    assert environment.production().telemetry.traces_url is None


@pytest.mark.parametrize("end", ["", "/", "/v1/traces", "/v1/traces/"])
def test_the_path_may_be_said_or_not(environment: Environment, end: str) -> None:
    settings = environment.production(TELEMETRY__ENDPOINT=f"http://collector.internal:4318{end}")
    assert settings.telemetry.traces_url == "http://collector.internal:4318/v1/traces"


@pytest.mark.parametrize(
    "endpoint", ["", "collector:4318", "grpc://collector:4317", "http://user:pw@collector", "http://c?x"]
)
def test_what_is_no_url_stops_the_start(environment: Environment, endpoint: str) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_TELEMETRY__ENDPOINT is not a URL"):
        environment.production(TELEMETRY__ENDPOINT=endpoint)


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "nan"])
def test_a_share_is_a_share(environment: Environment, ratio: str) -> None:
    with pytest.raises(ValidationError, match="ratio"):
        environment.production(TELEMETRY__RATIO=ratio)
