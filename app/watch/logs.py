"""One pipeline for every log line, ours and the libraries': one line an event, and nothing secret in it (law 6)."""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from functools import cache
from json import dumps
from typing import Any, TextIO, cast
from uuid import UUID

import structlog
from pydantic_core import PydanticSerializationError, to_json
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import FilteringBoundLogger, Processor

from app.settings.groups import LogSettings
from app.watch.redaction import clean, explain

Event = MutableMapping[str, Any]

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_session_id: ContextVar[UUID | None] = ContextVar("session_id", default=None)
_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access")
_CHATTY = ("asyncio", "httpcore", "httpx", "urllib3")


def logger(name: str) -> FilteringBoundLogger:
    """Log as *name*; it may be made at import, before `configure`."""
    return cast("FilteringBoundLogger", _Named(name))


class _Named:
    """Bound once, not for each line (structlog's own memory would outlive the next `configure`)."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, verb: str) -> Any:  # noqa: ANN401  whatever a bound logger has
        return getattr(bound(self._name), verb)


@cache
def bound(name: str) -> FilteringBoundLogger:
    """As `logger`, for who writes at every turn and asks for it each time; `cache_clear` when structlog is configured anew."""
    return cast("FilteringBoundLogger", structlog.get_logger(source=name).bind())


def bind_request_id(request_id: str) -> None:
    """Name the request on every line of this task and of what it starts (structlog's contextvars cost 50 us)."""
    _request_id.set(request_id)
    _session_id.set(None)
    _trace_id.set(None)


def bind_trace_id(trace_id: str) -> None:
    """Name the trace that the request's span belongs to, too: 32 hexadecimal digits."""
    _trace_id.set(trace_id)


def bind_session_id(session_id: UUID) -> None:
    """Name the session, too, from where its token was read."""
    _session_id.set(session_id)


def configure(settings: LogSettings, *, json: bool, stream: TextIO | None = None) -> None:
    """Send every line to *stream* (standard output), as JSON or for the eye. Run uvicorn with `log_config=None`."""
    out = stream or sys.stdout
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True, key="time")
    chain: list[Processor] = [_redact, structlog.processors.add_log_level, stamp, _name_request, _explain]
    chain.append(_as_json if json else _as_line)
    structlog.configure(
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    bound.cache_clear()
    _take_over(settings.level, chain, out)


def _take_over(level: str, chain: list[Processor], out: TextIO) -> None:
    """Make the standard library's loggers end in *chain*, whoever configured them before."""
    handler = logging.StreamHandler(out)
    first = ProcessorFormatter.remove_processors_meta
    handler.setFormatter(ProcessorFormatter(processors=[first, *chain], foreign_pre_chain=[_name_source, ExtraAdder()]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # it writes paths with their queries; the shell has a line
    logging.raiseExceptions = False  # the report of a line that cannot be formatted would print its arguments


def _redact(_logger: object, _method: str, event: Event) -> Event:
    """First of all: what is added later is ours. *exc_info* waits for `_explain`."""
    kept = {name: event.pop(name) for name in ("exc_info", "stack_info") if name in event}
    return {**clean(event), **kept} if kept else clean(event)


def _name_source(_logger: object, _method: str, event: Event) -> Event:
    record = event["_record"]
    event["source"] = record.name
    record.__dict__.pop("color_message", None)  # uvicorn's, for terminals
    return event


def _name_request(_logger: object, _method: str, event: Event) -> Event:
    request_id = _request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    trace_id = _trace_id.get()
    if trace_id is not None:
        event["trace_id"] = trace_id
    session_id = _session_id.get()
    if session_id is not None and "session_id" not in event:
        event["session_id"] = str(session_id)
    return event


def _explain(_logger: object, _method: str, event: Event) -> Event:
    event.pop("stack_info", None)
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["exception"] = explain(error)
    return event


def _as_json(_logger: object, _method: str, event: Event) -> str:
    """ASCII only: CR, LF, ESC, NUL and U+2028 come out as escapes, and the line stays one line."""
    try:
        line = to_json(event, ensure_ascii=True).decode()
    except PydanticSerializationError:  # half a surrogate pair, which UTF-8 cannot hold
        return dumps(event)
    return line.replace("\x7f", r"\u007f")


def _as_line(_logger: object, _method: str, event: Event) -> str:
    head = f"{event.pop('time')} {event.pop('level'):<8}{event.pop('event', '')}"
    trace = event.pop("exception", None)
    line = _printable(" ".join([head, *(f"{name}={value}" for name, value in event.items())]))
    return line if trace is None else "\n".join([line, *_lines(trace)])


def _lines(trace: dict[str, Any]) -> list[str]:
    inner = [line for cause in [*trace.get("errors", ()), trace.get("cause")] if cause for line in _lines(cause)]
    return [f"  {trace['type']} {trace.get('sqlstate', '')}", *(f"    {frame}" for frame in trace["frames"]), *inner]


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
