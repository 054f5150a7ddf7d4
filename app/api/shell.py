"""The outermost middleware: whatever happens inside, an answer gets its request id, its headers and one log line."""

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.cookies import set_aside
from app.api.cors import Cors, RawHeaders
from app.api.envelope import PROBES, Envelope, Gate
from app.api.problems import render
from app.api.strict import CLIENT_GONE
from app.api.visitor import told_by
from app.clock import Clock
from app.crypto.chance import random_bytes
from app.problems import InternalError
from app.settings import Settings
from app.settings.http import HttpSettings
from app.visitor import Visitors
from app.watch import metrics, spans
from app.watch.audit import Record, Whence
from app.watch.logs import bind_request_id, bound, logger
from app.watch.trail import Trail

_SOURCE = "app.api"
_log = logger(_SOURCE)

_ALWAYS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_UNLESS_SET: RawHeaders = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]


def wrap(app: FastAPI, settings: Settings, clock: Clock, trail: Trail) -> None:
    """Put the shell around *app*; call it last, so that nothing is added outside of it.

    From outside in: 1. request id; 2. security and CORS headers, on every answer from here on; 3. refusals because of
    headers or Host; 4. preflights; 5. the routes, whose crashes become a Problem here; 6. the log line. The request's
    audit events are written, or queued if they cannot be, before the answer starts.
    """
    app.state.public_url = settings.http.public_url
    app.state.body_limit = settings.http.body_limit
    gate = Gate(None) if settings.in_development else Gate.of(settings.http.public_url)
    watched = Watched(metered=settings.metrics.wanted, traced=settings.telemetry.endpoint is not None)
    app.add_middleware(Shell, settings=settings.http, gate=gate, clock=clock, trail=trail, watched=watched)


@dataclass(frozen=True, slots=True)
class Watched:
    """What is recorded of each request besides its log line."""

    metered: bool
    traced: bool


@dataclass(slots=True)
class Answer:
    """One answer being sent: gets its headers when it starts, and keeps its status for the log line. 0: not started."""

    out: Send
    headers: RawHeaders
    trail: Trail
    record: Record
    status: int = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._dressed(list(message.get("headers", ())))
            await self.trail.write(self.record)
        try:
            await self.out(message)
        except OSError as gone:  # the peer is gone: only here can this be told from an OSError raised by a route
            raise ClientDisconnect from gone

    def _dressed(self, headers: RawHeaders) -> RawHeaders:
        present = dict(headers)
        return [*headers, *self.headers, *[pair for pair in _UNLESS_SET if pair[0] not in present]]


class Shell:
    def __init__(
        self, app: ASGIApp, *, settings: HttpSettings, gate: Gate, clock: Clock, trail: Trail, watched: Watched
    ) -> None:
        self._app = app
        self._trail = trail
        self._visitors = Visitors(settings.trusted_proxies)
        self._watched = watched
        self._gate = gate
        self._clock = clock
        self._cors = Cors(settings.cors_origins)
        secure = urlsplit(settings.public_url).scheme == "https"
        self._headers = [*_ALWAYS, _HSTS] if secure else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = self._clock.elapsed()
        envelope = Envelope.of(scope["method"], scope["headers"])
        request_id = envelope.request_id or random_bytes(16).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        set_aside(scope)
        bind_request_id(request_id)
        if self._watched.traced:
            spans.name(request_id)
        own = (b"x-request-id", request_id.encode())
        headers = [*self._headers, own, *self._cors.headers(_page(scope, envelope))]
        scope["state"]["headers"] = headers  # headers that a dependency adds here are on an error answer, too
        with self._trail.record(Whence(request_id, lambda: told_by(scope, self._visitors))) as record:
            answer = Answer(send, headers, self._trail, record)
            await _carry(self._choose(scope, envelope), scope, receive, answer)
        seconds = self._clock.elapsed() - begun
        _note(scope, answer.status, seconds)
        if self._watched.metered:
            _measure(scope, answer.status, seconds)

    def _choose(self, scope: Scope, envelope: Envelope) -> ASGIApp:
        problem = self._gate.refuse(envelope, scope["path"])
        if problem is not None:
            return render(problem, Request(scope))
        if envelope.preflight:
            return self._cors.preflight(_page(scope, envelope))
        return self._app


def _page(scope: Scope, envelope: Envelope) -> bytes | None:
    """Return the origin of the page that asks; None for what providers call, which no origin's page may read."""
    return None if scope["path"].startswith("/webhooks/") else envelope.origin


async def _carry(app: ASGIApp, scope: Scope, receive: Receive, answer: Answer) -> None:
    try:
        await app(scope, receive, answer.send)
    except ClientDisconnect:
        answer.status = answer.status or CLIENT_GONE
    except Exception as error:  # noqa: BLE001  logged; and nothing may leave without its headers
        _log.error("unhandled", exc_info=error)
        spans.fail(error)
        if not answer.status:  # else the server cuts the half-sent answer off: no error can be sent any more
            with suppress(ClientDisconnect):
                await render(InternalError(), Request(scope))(scope, receive, answer.send)


def _measure(scope: Scope, status: int, seconds: float) -> None:
    route = _template(scope)
    metrics.request(scope["method"], route, status, seconds)
    if problem := scope["state"].get("problem"):
        metrics.refusal(route, problem)


def _template(scope: Scope) -> str:
    """Return the route's template, such as `/problems/{code}`, never the path."""
    return getattr(scope.get("route"), "path", "-")


def _note(scope: Scope, status: int, seconds: float) -> None:
    """Log one line per request: no path, no query, no User-Agent."""
    path = _template(scope)
    log = bound(_SOURCE)
    note = log.debug if path in PROBES else log.info
    note("request", method=scope["method"], route=path, status=status, ms=round(seconds * 1000, 2))
