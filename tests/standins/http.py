"""What every stand-in for an HTTP service has in common: real sockets on loopback, and an end that leaves nobody waiting."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    media_type = "application/json"
    server: "Server"

    def answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", self.media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence: a test's output is its own."""


AnyExchange = TypeVar("AnyExchange", bound=Exchange)


def redirect(to: str) -> Callable[[AnyExchange], None]:
    return lambda exchange: exchange.answer(307, b"", Location=to)


def hang(exchange: Exchange) -> None:
    """Read the request and never answer."""
    exchange.server.closing.wait()


class Server(ThreadingHTTPServer):
    """A thread a connection. `closing` is set when it ends: whatever hangs or drips waits for that."""

    daemon_threads = True

    def __init__(self, exchange: type[Exchange]) -> None:
        super().__init__(("127.0.0.1", 0), exchange)
        self.closing = threading.Event()
        self.connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address

    def handle_error(self, *_: object) -> None:
        """A client that hung up is nobody's error here."""
