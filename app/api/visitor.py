"""The dependency that tells a route its visitor (network address and User-Agent), to store or to rate-limit by."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import Scope

from app.api.house import House
from app.visitor import Visitor, Visitors
from app.watch.logs import logger

_log = logger("app.api")


async def visitor(request: Request) -> Visitor:
    house: House = request.app.state.house
    peer = request.client.host if request.client else None
    if "x-forwarded-for" in request.headers and house.visitors.overlooks(peer):
        _tell_once(request, peer)
    return told_by(request.scope, house.visitors)


def told_by(scope: Scope, visitors: Visitors) -> Visitor:
    """Return the request's visitor, read once per request: the route asks for it, and so does each audit event."""
    known: Visitor | None = scope["state"].get("visitor")
    if known is None:
        headers, client = Headers(scope=scope), scope.get("client")
        forwarded, agent = headers.getlist("x-forwarded-for"), headers.get("user-agent", "")
        known = visitors.read(client[0] if client else None, forwarded=forwarded, agent=agent)
        scope["state"]["visitor"] = known
    return known


def _tell_once(request: Request, peer: str | None) -> None:
    """Warn once of a proxy that is not named: the limits would refuse everybody behind it, as one visitor."""
    if not hasattr(request.app.state, "told_of_proxy"):
        request.app.state.told_of_proxy = True
        _log.warning("proxy.not_trusted", peer=peer, advice="Is it yours? Name it in GATEHOUSE_HTTP__TRUSTED_PROXIES.")


TheVisitor = Annotated[Visitor, Depends(visitor)]
