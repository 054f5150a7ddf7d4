"""The visitor of a request, as an argument of the routes that open, keep or throttle something for somebody."""

from typing import Annotated

from fastapi import Depends, Request

from app.api.house import TheHouse
from app.visitor import Visitor


async def visitor(request: Request, house: TheHouse) -> Visitor:
    peer = request.client.host if request.client else None
    forwarded = request.headers.getlist("x-forwarded-for")
    return house.visitors.read(peer, forwarded=forwarded, agent=request.headers.get("user-agent", ""))


TheVisitor = Annotated[Visitor, Depends(visitor)]
