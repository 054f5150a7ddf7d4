"""The service with a collector, as a process: what others say in the environment turns nothing on, and an ill one holds nothing up."""

import time
from pathlib import Path

import httpx
import pytest

from tests.cli.service import Service, serving
from tests.standins.collector import CollectorStandIn, hang

CANARY = "canary4f1d9c"


def ask(service: Service, *, times: int = 1) -> float:
    """How long the slowest answer took, in seconds."""
    took = []
    with httpx.Client() as client:
        for _ in range(times):
            answer = client.post(f"http://127.0.0.1:{service.port}/webhooks/plivo/{CANARY}", content=b"x=y")
            assert answer.status_code >= 400
            took.append(answer.elapsed.total_seconds())
    return max(took)


@pytest.mark.parametrize("on", [True, False])
def test_what_others_say_in_the_environment_turns_nothing_on(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, on: bool
) -> None:
    """FastAPI would send whole spans to whatever these name: the path of a receipt holds its token."""
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable"}
    with CollectorStandIn() as ours, CollectorStandIn() as theirs:
        monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", theirs.url)
        with serving(tmp_path, **given, **({"TELEMETRY__ENDPOINT": ours.url} if on else {})) as service:
            ask(service)
        assert theirs.requests == []
        assert [span.name for span in ours.spans] == ["POST /webhooks/plivo/{receipt}"] * on
        assert CANARY not in ours.text


def test_a_collector_that_hangs_holds_up_neither_a_request_nor_the_end(tmp_path: Path, database_url: str) -> None:
    given = {"DATABASE__URL": database_url, "DATABASE__TLS": "disable"}
    with CollectorStandIn() as collector:
        collector.always(hang)
        with serving(tmp_path, **given, TELEMETRY__ENDPOINT=collector.url) as service:
            slowest = ask(service, times=300)  # two batches and more, of which the first is under way
            begun = time.monotonic()
            service.process.terminate()
            assert service.process.wait(20) == 0
            ended = time.monotonic() - begun
        assert collector.requests
        assert "Traceback" not in service.output.read_text()
    assert slowest < 3
    assert ended < 8
