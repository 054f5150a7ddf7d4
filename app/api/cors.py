"""CORS: pages of the origins that the settings name, compared exactly, may read answers, and no others.

Starlette's middleware is not used: it tells foreign origins which headers they could read, and refuses in text/plain.
"""

from collections.abc import Iterable

from starlette.responses import Response

RawHeaders = list[tuple[bytes, bytes]]

_EXPOSED = (
    b"access-control-expose-headers",
    b"RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id",
)
_COOKIES = (b"access-control-allow-credentials", b"true")
"""Needed for the refresh token's cookie, which two routes accept and no other."""
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Gatehouse-CSRF, X-Request-Id",
    "Access-Control-Max-Age": "600",
}


class Cors:
    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.lower().encode() for origin in origins)

    def headers(self, origin: bytes | None) -> RawHeaders:
        """Return the headers of every answer to *origin*. Vary keeps caches from mixing up the answers to origins."""
        if not self._origins:
            return []
        vary = (b"vary", b"Origin")
        if origin not in self._origins:
            return [vary]
        return [vary, (b"access-control-allow-origin", origin), _EXPOSED, _COOKIES]

    def preflight(self, origin: bytes | None) -> Response:
        return Response(status_code=204, headers=_PREFLIGHT if origin in self._origins else None)
