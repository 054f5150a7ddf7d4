"""Reads bodies strictly, before anything else sees them: a size limit, one media type, JSON with only one reading."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from typing_extensions import override

from app.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType
from app.strict_json import NotStrict, parse

CLIENT_GONE = 499
"""Status for the log line when the client has gone, as in nginx; nobody receives it."""
_JSON = "application/json"


class StrictRoute(APIRoute):
    """Use it as `APIRouter(route_class=StrictRoute)`. A body that the route does not declare is never read."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def strict(request: Request) -> Response:
            try:
                body = await read_limited(request, limit=request.app.state.body_limit)
            except ClientDisconnect:
                return Response(status_code=CLIENT_GONE)
            request._body = body  # noqa: SLF001  where Starlette keeps what was read, so it is not read twice
            if body:
                require(_JSON, request)
                request._json = _parsed(body)  # noqa: SLF001  the same, for what was parsed
            return await handle(request)

        return strict


async def read_limited(request: Request, *, limit: int) -> bytes:
    """Read at most *limit* bytes. A larger Content-Length is refused unread, a larger body once it is too long."""
    announced = request.headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdecimal()):
        raise MalformedRequest("Content-Length is not a number.")
    if len(announced) > len(str(limit)) or int(announced) > limit:
        raise PayloadTooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLarge
    return bytes(body)


def require(media_type: str, request: Request) -> None:
    """Demand one Content-Type, *media_type*, no charset but UTF-8, and no Content-Encoding: nothing is inflated."""
    named = request.headers.getlist("content-type")
    plain, mark, parameters = "".join(named).lower().replace(" ", "").replace('"', "").partition(";")
    if "content-encoding" in request.headers:
        raise UnsupportedMediaType("Send the body as it is: without Content-Encoding.")
    if len(named) != 1 or plain != media_type:
        raise UnsupportedMediaType(f"Send one Content-Type, `{media_type}`.")
    if mark + parameters not in {"", ";charset=utf-8"}:
        raise UnsupportedMediaType(f"Send UTF-8: `{media_type}` may have no parameter but `charset=utf-8`.")


def _parsed(body: bytes) -> Any:  # noqa: ANN401  JSON may be anything
    try:
        return parse(body)
    except NotStrict as why:
        raise MalformedRequest(f"The body is no strict JSON: {why}.") from None
