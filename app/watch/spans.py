"""The span of a request, which FastAPI makes where traces are wanted: what we tell of it, never in anybody's own words."""

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
    """Tell the span its request, and every line of the request its trace."""
    span = trace.get_current_span()
    context = span.get_span_context()
    if context.is_valid:
        span.set_attribute(REQUEST_ID, request_id)
        bind_trace_id(format_trace_id(context.trace_id))


def fail(error: Exception) -> None:
    """Tell the span what a request crashed with: type and frames, as a log line does."""
    span = trace.get_current_span()
    if span.is_recording():
        told = explain(error)
        span.set_attributes({ERROR: told["type"], FRAMES: "\n".join(told["frames"])})
