"""Reads a request's headers once, and refuses what they or the path make unacceptable before the request is routed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from app.problems import HeadersTooLarge, MalformedRequest, MisdirectedRequest, NotFound, Problem

HEADER_LIMIT = 16 * 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Requested by orchestrators and Prometheus under the container's own address, so with any Host."""
_PER_LINE = len(": \r\n")
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Envelope(NamedTuple):
    size: int
    hosts: tuple[bytes, ...]
    origin: bytes | None
    request_id: str | None
    preflight: bool

    @classmethod
    def of(cls, method: str, headers: Sequence[tuple[bytes, bytes]]) -> Self:
        """Read the envelope. A client's request id is taken over only if it cannot break a log (8 to 64 characters)."""
        found = dict(headers)
        asked = found.get(b"x-request-id")
        return cls(
            size=sum(len(name) + len(value) + _PER_LINE for name, value in headers),
            hosts=tuple(value for name, value in headers if name == b"host"),
            origin=found.get(b"origin"),
            request_id=asked.decode() if asked and _REQUEST_ID.fullmatch(asked) else None,
            preflight=method == "OPTIONS" and b"origin" in found and b"access-control-request-method" in found,
        )

    @property
    def host(self) -> str | None:
        """The host without its port; None unless there is exactly one Host header, well-formed (RFC 9112 §3.2)."""
        return _without_port(self.hosts[0]) if len(self.hosts) == 1 else None


@lru_cache(maxsize=64)
def _without_port(host: bytes) -> str | None:
    match = _HOST.fullmatch(host)
    return match and match[1].decode().lower()


@dataclass(frozen=True, slots=True)
class Gate:
    """Refuses requests by their envelopes. `hosts` are the names that this installation answers for; None: any."""

    hosts: frozenset[str] | None

    @classmethod
    def of(cls, public_url: str) -> Self:
        name = urlsplit(public_url).hostname or ""
        return cls(LOOPBACK | {f"[{name}]" if ":" in name else name})

    def refuse(self, envelope: Envelope, path: str) -> Problem | None:
        if envelope.size > HEADER_LIMIT:
            return HeadersTooLarge()
        if envelope.host is None:
            return MalformedRequest("Exactly one Host header is needed.")
        if _CONTROL.search(path):  # a route's pattern would overlook a line feed at the end
            return NotFound()
        if self.hosts is not None and envelope.host not in self.hosts and path not in PROBES:
            return MisdirectedRequest()
        return None
