"""The metrics as Prometheus reads them: of this process, or of all workers together; and a server for them on a port.

Several workers each write to a file in one folder; the one asked adds them up (prometheus-client's multiprocess mode).
"""

import hmac
import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Must be in the environment of workers before they load the library, which reads it once."""
PATH: Final = "/metrics"
_LIVE = re.compile(r"gauge_live[a-z]+_([0-9]+)\.db")
_PATIENCE = 10
_LONGEST_HEADER = 4096


def render(accept: str = "") -> tuple[bytes, str]:
    """All metrics, and their media type, in the format that suits an Accept header."""
    encode, media_type = choose_encoder(accept)
    return encode(_registry()), media_type


def _registry() -> CollectorRegistry:
    folder = os.environ.get(FOLDER)
    if folder is None:
        return REGISTRY
    _bury(Path(folder))
    together = CollectorRegistry()
    MultiProcessCollector(together, path=folder)  # type: ignore[no-untyped-call]
    return together


def _bury(folder: Path) -> None:
    """Drop the live gauges of workers that died; what they counted stays."""
    found = {int(named[1]) for path in folder.iterdir() if (named := _LIVE.fullmatch(path.name))}
    for pid in found:
        if not _lives(pid):
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_right(authorization: str | None, token: str) -> bool:
    """Whether an Authorization header brings *token*, compared in constant time."""
    scheme, _, given = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode())


class _Exchange(BaseHTTPRequestHandler):
    """One connection; it is cut when it stays silent."""

    timeout = _PATIENCE
    server: "_Server"

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND)
        elif self.server.token and not is_right(self.headers["Authorization"], self.server.token):
            self._answer(HTTPStatus.UNAUTHORIZED)
        else:
            self._answer(HTTPStatus.OK, *render(self.headers.get("Accept", "")[:_LONGEST_HEADER]))

    def _answer(self, status: HTTPStatus, body: bytes = b"", media_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Bearer realm="gatehouse"')
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "gatehouse"

    def log_message(self, *_: object) -> None:
        """Log nothing: a scrape is no event, and its line would hold what the caller wrote."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, token: str | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.token = token
        super().__init__((host, port), _Exchange)

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which would ask DNS."""
        self.socket.bind(self.server_address)

    def handle_error(self, *_: object) -> None:
        """Log nothing: a reader hung up."""


@contextmanager
def listening(host: str, port: int, *, token: str | None = None) -> Iterator[int]:
    """Answer on a thread until the block ends; yield the port. Raises OSError when the port is not available."""
    server = _Server(host, port, token)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        with suppress(OSError):
            server.shutdown()
        server.server_close()
