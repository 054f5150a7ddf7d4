"""Whatever is put into a span, the collector gets what is named; and however ill the collector is, nobody waits for it."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from app.settings.telemetry import TelemetrySettings
from app.watch.telemetry import KEPT, Telemetry
from tests.standins.collector import PATH, CollectorStandIn, attributes, hang, redirect, status, well

Lines = Callable[[], list[dict[str, Any]]]
CANARY = "hunter2canary"


@asynccontextmanager
async def tracing(endpoint: str, **settings: Any) -> AsyncIterator[TracerProvider]:
    telemetry = Telemetry(TelemetrySettings(endpoint=endpoint, **settings))
    yield telemetry.provider
    await telemetry.close()


def hostile(provider: TracerProvider) -> None:
    """A span that says everything everywhere."""
    stranger = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("k", CANARY)]))
    given = dict.fromkeys(("url.path", "url.query", "server.address", "user_agent.original", "client.address"), CANARY)
    tracer = provider.get_tracer("somebody")
    above = set_span_in_context(NonRecordingSpan(stranger))
    links = [Link(stranger, {"x": CANARY})]
    span = tracer.start_span(CANARY, above, kind=SpanKind.SERVER, attributes=given, links=links)
    span.set_attributes({"http.request.method": "GET", "http.route": "/me", "http.response.status_code": 500})
    span.set_attribute("exception.message", CANARY)
    span.add_event(CANARY, {"x": CANARY})
    span.record_exception(ValueError(CANARY))
    span.set_status(Status(StatusCode.ERROR, CANARY))
    span.end()


async def test_what_is_not_named_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    with CollectorStandIn() as collector:
        async with tracing(collector.url) as provider:
            hostile(provider)
        (span,) = collector.spans
        assert CANARY not in collector.text
        assert attributes(span.attributes) == {
            "http.request.method": "GET", "http.route": "/me", "http.response.status_code": 500,
        }  # fmt: skip
        assert (span.name, span.status.code, span.status.message) == ("GET /me", span.status.STATUS_CODE_ERROR, "")
        assert (len(span.events), len(span.links), span.trace_state) == (0, 0, "")
        assert span.end_time_unix_nano > span.start_time_unix_nano
        assert collector.resource == {"service.name": "gatehouse", "deployment.environment.name": "staging"}
        assert collector.requests[0].path == PATH


async def test_everything_that_is_named_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "sign-in")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=for-the-collector")
    with CollectorStandIn() as collector:
        async with tracing(f"{collector.url}{PATH}/") as provider:
            provider.get_tracer("t").start_span("x", attributes=dict.fromkeys(KEPT, "said")).end()
        (span,) = collector.spans
        assert attributes(span.attributes) == dict.fromkeys(KEPT, "said")
        assert collector.resource == {"service.name": "sign-in"}
        assert (collector.requests[0].path, collector.requests[0].headers["x-api-key"]) == (PATH, "for-the-collector")


async def test_a_share_of_nothing_sends_nothing() -> None:
    with CollectorStandIn() as collector:
        async with tracing(collector.url, ratio=0) as provider:
            provider.get_tracer("t").start_span("x").end()
        assert collector.requests == []


async def test_a_collector_that_turns_everything_away_is_told_of_once_and_once_more_when_it_is_well(
    lines: Lines,
) -> None:
    with CollectorStandIn() as collector:
        collector.always(status(400))
        async with tracing(collector.url) as provider:
            for _ in range(3):
                hostile(provider)
                provider.force_flush()
            assert [(line["event"], line["level"]) for line in lines()] == [("traces.lost", "warning")]
            assert "GATEHOUSE_TELEMETRY__ENDPOINT" in lines()[0]["advice"]
            collector.always(well)
            hostile(provider)
            provider.force_flush()
        assert [line["event"] for line in lines()] == ["traces.lost", "traces.taken_again"]
        assert CANARY not in json.dumps(lines())
        assert len(collector.requests) == 4


async def test_spans_go_nowhere_but_to_the_collector() -> None:
    with CollectorStandIn() as collector, CollectorStandIn() as elsewhere:
        collector.always(redirect(elsewhere.url + PATH))
        async with tracing(collector.url) as provider:
            hostile(provider)
        assert len(collector.requests) == 1
        assert elsewhere.requests == []


@pytest.mark.parametrize("ill", [hang, status(503), None])
async def test_no_span_waits_for_a_collector_that_is_ill_and_neither_does_the_end(ill: Any) -> None:
    """Hanging, overloaded, gone: many spans are quick all the same, and the end comes two seconds later at most."""
    with CollectorStandIn() as collector:
        collector.always(ill or hang)
        endpoint = collector.url if ill else "http://127.0.0.1:1"
        begun = time.monotonic()
        async with tracing(endpoint) as provider:
            for _ in range(3000):  # more than may wait
                hostile(provider)
            made = time.monotonic() - begun
        closed = time.monotonic() - begun - made
    assert made < 15  # to wait for one batch only would take longer
    assert closed < 6
