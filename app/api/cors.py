"""Which pages of other origins may read answers: those that the settings name, letter by letter, and no other.

Not Starlette's middleware: that one tells foreign origins which headers they could read, and refuses in text/plain.
"""

from collections.abc import Iterable

from starlette.responses import Response

RawHeaders = list[tuple[bytes, bytes]]

_EXPOSED = (
    b"access-control-expose-headers",
    b"RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id",
)
_COOKIES = (b"access-control-allow-credentials", b"true")
"""For the refresh token's cookie, which opens two routes and nothing else."""
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Gatehouse-CSRF, X-Request-Id",
    "Access-Control-Max-Age": "600",
}


class Cors:
    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.lower().encode() for origin in origins)

    def headers(self, origin: bytes | None) -> RawHeaders:
        """What every answer to *origin* carries. A cache must not give one origin's answer to another: Vary."""
        if not self._origins:
            return []
        vary = (b"vary", b"Origin")
        if origin not in self._origins:
            return [vary]
        return [vary, (b"access-control-allow-origin", origin), _EXPOSED, _COOKIES]

    def preflight(self, origin: bytes | None) -> Response:
        return Response(status_code=204, headers=_PREFLIGHT if origin in self._origins else None)
