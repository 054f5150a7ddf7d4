"""A stand-in for an OpenTelemetry collector on loopback: it speaks OTLP/HTTP over real sockets, and misbehaves as told.

with CollectorStandIn() as collector:
    collector.always(status(503))          # or well, hang, redirect("...")
    collector.spans, collector.text
"""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PATH = "/v1/traces"


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Received(self.path, headers, body))
        with suppress(OSError):
            self.server.behaviour(self)

    def answer(self, code: int, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence: a test's output is its own."""


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> ExportTraceServiceRequest:
        message = ExportTraceServiceRequest()
        message.ParseFromString(self.body)
        return message


Behaviour = Callable[[_Exchange], None]


def well(exchange: _Exchange) -> None:
    exchange.answer(200)


def status(code: int) -> Behaviour:
    return lambda exchange: exchange.answer(code)


def redirect(to: str) -> Behaviour:
    return lambda exchange: exchange.answer(307, Location=to)


def hang(exchange: _Exchange) -> None:
    """Read the spans and never answer."""
    exchange.server.closing.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.closing = threading.Event()
        self.requests: list[Received] = []
        self.connections: list[socket.socket] = []
        self.behaviour: Behaviour = well

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, *_: object) -> None:
        """A client that hung up is nobody's error here."""


class CollectorStandIn:
    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        for connection in self._server.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def always(self, behaviour: Behaviour) -> None:
        """What every request meets from now on."""
        self._server.behaviour = behaviour

    @property
    def requests(self) -> list[Received]:
        return self._server.requests

    @property
    def spans(self) -> list[Span]:
        """Every span that came, in the order they ended."""
        groups = (group for received in self.requests for group in received.message.resource_spans)
        return [span for group in groups for scope in group.scope_spans for span in scope.spans]

    @property
    def resource(self) -> dict[str, object]:
        return attributes(self.requests[0].message.resource_spans[0].resource.attributes)

    @property
    def text(self) -> str:
        """Everything that came: headers, the messages written out, and their bytes as far as they can be read."""
        return "\n".join(f"{one.headers} {one.message} {one.body.decode(errors='replace')}" for one in self.requests)

    def span(self, name: str) -> Span:
        """The one of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found


def attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    """As a dictionary, whatever kind the values are."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in pairs}
