"""The span of a request, which FastAPI makes if tracing is on: the attributes that we add, never free text."""

from typing import Protocol

from opentelemetry import trace
from opentelemetry.trace import TracerProvider, format_trace_id

from app.watch.logs import bind_trace_id
from app.watch.redaction import explain

REQUEST_ID, ERROR, FRAMES = "gatehouse.request_id", "exception.type", "exception.stacktrace"


class Traces(Protocol):
    """Where spans go; `watch.telemetry`, which is slow to load, has the only one."""

    @property
    def provider(self) -> TracerProvider: ...

    async def close(self) -> None: ...


def name(request_id: str) -> None:
    """Set the request's id on the span, and bind the trace's id to the request's log lines."""
    span = trace.get_current_span()
    context = span.get_span_context()
    if context.is_valid:
        span.set_attribute(REQUEST_ID, request_id)
        bind_trace_id(format_trace_id(context.trace_id))


def fail(error: Exception) -> None:
    """Set on the span what a request crashed with: type and frames, as in a log line."""
    span = trace.get_current_span()
    if span.is_recording():
        told = explain(error)
        span.set_attributes({ERROR: told["type"], FRAMES: "\n".join(told["frames"])})
