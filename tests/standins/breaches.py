"""A stand-in for a range API of breached passwords on loopback: it speaks HTTP over real sockets, and misbehaves as told.

with BreachesStandIn() as breaches:
    breaches.leak("correct horse battery staple", times=3)
    breaches.always(status(503))          # or slow(1), listing(b"..."), drip, endless, redirect("...")
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.standins.http import Exchange, Server

PADDING = "".join(f"{n:035X}:0\r\n" for n in range(900))
"""Lines that were never found, as `Add-Padding: true` asks for."""


class _Exchange(Exchange):
    media_type = "text/plain"
    server: "_Server"

    def do_GET(self) -> None:  # noqa: N802  the name it is called by
        self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        with suppress(OSError):
            self.server.behaviour(self)

    def listed(self) -> bytes:
        """What leaked in the range that was asked for."""
        prefix = self.path.rsplit("/", 1)[1]
        leaked = self.server.leaked.items()
        lines = "".join(f"{digest[5:]}:{times}\r\n" for digest, times in leaked if digest.startswith(prefix))
        return (lines + PADDING).encode()


Behaviour = Callable[[_Exchange], None]


def well(exchange: _Exchange) -> None:
    exchange.answer(200, exchange.listed())


def status(code: int) -> Behaviour:
    return lambda exchange: exchange.answer(code, exchange.listed())


def listing(body: bytes, **headers: str) -> Behaviour:
    return lambda exchange: exchange.answer(200, body, **headers)


def reset(exchange: _Exchange) -> None:
    """Promise a body, and close the connection before it comes."""
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n0000")
    exchange.close_connection = True


def drip(exchange: _Exchange) -> None:
    """An endless body, a line at a time: every single read is quick."""
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not exchange.server.closing.wait(0.02):
        exchange.wfile.write(b"0" * 35 + b":0\r\n")


def endless(exchange: _Exchange) -> None:
    """A body that never ends, as fast as it can be read; `sent` tells how much of it was taken."""
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    exchange.close_connection = True
    while not exchange.server.closing.is_set():
        exchange.wfile.write((b"0" * 35 + b":0\r\n") * 1000)
        exchange.server.sent += 38_000


class _Server(Server):
    def __init__(self) -> None:
        super().__init__(_Exchange)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.leaked: dict[str, int] = {}
        self.behaviour: Behaviour = well
        self.sent = 0


class BreachesStandIn:
    def __init__(self) -> None:
        self._server = _Server()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/range"

    def __enter__(self) -> Self:
        self._server.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.end()

    def leak(self, password: str, *, times: int = 1) -> None:
        digest = hashlib.sha1(password.encode()).hexdigest().upper()  # noqa: S324  what the corpus is kept under
        self._server.leaked[digest] = times

    def always(self, behaviour: Behaviour) -> None:
        """What every request meets from now on."""
        self._server.behaviour = behaviour

    @property
    def requests(self) -> list[tuple[str, dict[str, str]]]:
        """Path and headers of every request, in order of arrival."""
        return self._server.requests

    @property
    def sent(self) -> int:
        return self._server.sent
