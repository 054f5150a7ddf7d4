"""One thread's own client of Plivo: the SDK on a session and a connection that no other thread shares.

requests does not promise thread-safe sessions; and a thread that hangs can be freed only by whoever holds its socket.
"""

import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import plivo
from plivo.rest.client import PLIVO_API
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from app.settings.groups import SmsSettings

CONNECT_AND_READ = (2, 5)
"""Timeouts in seconds, for each read and not for the whole answer: the deadline is the sender's."""
LONGEST_REST = timedelta(minutes=5)


class Line:
    def __init__(self, settings: SmsSettings) -> None:
        self._wire = Wire(settings.plivo_base_url.rstrip("/"))
        self._client = _client(settings)
        self._client.session.max_redirects = 0
        self._client.session.mount(PLIVO_API, self._wire)
        self._lock = threading.Lock()
        self._call: Mapping[str, object] | None = None

    def create(self, call: Mapping[str, object]) -> object:
        """Ask Plivo to send one message; return or raise whatever the SDK does."""
        self._hold(call)
        try:
            return self._client.messages.create(**call)
        finally:
            self._hold(None)

    @property
    def asked_to_rest(self) -> timedelta:
        """The last answer's Retry-After (RFC 9110 §10.2.3), which the SDK drops: seconds, at most five minutes."""
        said = self._wire.retry_after
        return min(timedelta(seconds=int(said)), LONGEST_REST) if re.fullmatch("[0-9]{1,6}", said) else timedelta(0)

    def hang_up(self, call: Mapping[str, object]) -> None:
        """Free the thread if it still waits on this call, and not on a later one."""
        with self._lock:
            if self._call is call:
                self._wire.cut()

    def close(self) -> None:
        self._client.session.close()
        self._client.multipart_session.close()

    def _hold(self, call: Mapping[str, object] | None) -> None:
        with self._lock:
            self._call = call
            self._wire.forget()


class Wire:
    """The session's transport adapter: sends to the configured base URL, which the SDK cannot, and knows its socket."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=1)
        self._connection: HTTPConnection | None = None
        self._response: Response | None = None
        self.retry_after = ""

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # noqa: ANN401 - requests' own protocol
        request.url = self._base + (request.url or "").removeprefix(PLIVO_API)
        self._watch(self._adapter.get_connection_with_tls_context(request, verify=options["verify"]))
        self.retry_after = ""
        self._response = self._adapter.send(request, **options)
        self.retry_after = self._response.headers.get("Retry-After", "")
        return self._response

    def cut(self) -> None:
        """Shut down the socket that a thread waits on, whether for the answer's headers or for its body."""
        sock = self._connection.sock if self._connection else None
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self._response is not None:
            with suppress(OSError, ValueError, RuntimeError):
                self._response.raw.shutdown()

    def forget(self) -> None:
        self._response = None

    def close(self) -> None:
        self._adapter.close()

    def _watch(self, pool: Any) -> None:  # noqa: ANN401 - requests' stubs hide its type
        """Remember the newest connection that the pool makes: `ConnectionCls` is urllib3's hook for that."""
        make = type(pool).ConnectionCls

        def dial(*args: object, **named: object) -> HTTPConnection:
            connection: HTTPConnection = make(*args, **named)
            self._connection = connection
            return connection

        pool.ConnectionCls = dial


def _client(settings: SmsSettings) -> Any:  # noqa: ANN401 - the SDK has no types
    auth_token = settings.plivo_auth_token.get_secret_value() if settings.plivo_auth_token else ""
    if not settings.plivo_auth_id or not auth_token:  # without one, the SDK would take both from the environment
        raise ValueError("GATEHOUSE_SMS__PLIVO_AUTH_ID and GATEHOUSE_SMS__PLIVO_AUTH_TOKEN must be set to send SMS.")
    return plivo.RestClient(settings.plivo_auth_id, auth_token, timeout=CONNECT_AND_READ)
