"""A stand-in for Plivo on loopback: it speaks the Message API over real sockets, and misbehaves as a test tells it to.

with PlivoStandIn() as plivo:
    plivo.script(status(503), hang)      # one entry a request, in order; then `plivo.otherwise`, accepted by default
    ... GATEHOUSE_SMS__PLIVO_BASE_URL = plivo.url ...
    assert plivo.requests[0].body["dst"] == "+4915112345678"
"""

import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

from tests.standins.http import Exchange, Server

AUTH_ID = "MA" + "X" * 18
AUTH_TOKEN = "a-stand-in-for-the-auth-token"


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes = b""


class _Exchange(Exchange):
    server: "_Server"

    def do_POST(self) -> None:  # noqa: N802  the name it is called by
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.next_behaviour(Received(self.path, headers, json.loads(raw), raw))(self)


Behaviour = Callable[[_Exchange], None]


def accepted(exchange: _Exchange) -> None:
    name = str(uuid4())
    exchange.server.named.append(name)
    body = {"api_id": str(uuid4()), "message": "message(s) queued", "message_uuid": [name]}
    exchange.answer(202, json.dumps(body).encode())


def late(seconds: float) -> Behaviour:
    def behaviour(exchange: _Exchange) -> None:
        exchange.server.closing.wait(seconds)
        accepted(exchange)

    return behaviour


def status(code: int, error: str = "an error in prose", **headers: str) -> Behaviour:
    return raw(json.dumps({"api_id": str(uuid4()), "error": error}).encode(), code=code, **headers)


def raw(body: bytes, *, code: int = 202, **headers: str) -> Behaviour:
    return lambda exchange: exchange.answer(code, body, **headers)


def reset(exchange: _Exchange) -> None:
    """Read the request, then reset the connection."""
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.rfile.close()
    exchange.wfile.close()
    exchange.connection.close()


def truncated(exchange: _Exchange) -> None:
    """Promise more body than is sent."""
    exchange.wfile.write(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{")
    exchange.close_connection = True


def drip(*, close: bool = False) -> Behaviour:
    """An endless body, a byte at a time: every single read is quick."""

    def behaviour(exchange: _Exchange) -> None:
        ending = b"Connection: close\r\n\r\n" if close else b"Content-Length: 100000\r\n\r\n"
        exchange.wfile.write(b"HTTP/1.1 202 Accepted\r\n" + ending)
        with suppress(OSError):
            while not exchange.server.closing.wait(0.02):
                exchange.wfile.write(b" ")
        exchange.close_connection = True

    return behaviour


class _Server(Server):
    def __init__(self) -> None:
        super().__init__(_Exchange)
        self.requests: list[Received] = []
        self.named: list[str] = []
        self.script: deque[Behaviour] = deque()
        self.otherwise: Behaviour = accepted
        self._lock = threading.Lock()

    def next_behaviour(self, received: Received) -> Behaviour:
        with self._lock:
            self.requests.append(received)
            return self.script.popleft() if self.script else self.otherwise


class PlivoStandIn:
    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server()
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._server.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.end()

    def script(self, *behaviours: Behaviour) -> None:
        """What the next requests meet, one behaviour each."""
        self._server.script.extend(behaviours)

    def always(self, behaviour: Behaviour) -> None:
        """What every request meets that is not scripted."""
        self._server.otherwise = behaviour

    @property
    def requests(self) -> list[Received]:
        """Every message that was asked for, in order of arrival."""
        return self._server.requests

    @property
    def named(self) -> list[str]:
        """What the messages that were accepted are called."""
        return self._server.named

    @property
    def connections(self) -> int:
        """How many connections were ever opened."""
        return len(self._server.connections)

    def wait_for_requests(self, count: int, *, seconds: float = 5) -> None:
        end = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < end, f"only {len(self.requests)} of {count} requests came"
            time.sleep(0.005)
