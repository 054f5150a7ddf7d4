"""Rate limits by network for the routes that anybody may call: counted before all else, reported alike to everybody.

The headers are those of draft-ietf-httpapi-ratelimit-headers, on every answer that comes after the limit was spent.
"""

from math import ceil
from typing import Any, Literal

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from app.api.cors import RawHeaders
from app.api.house import TheHouse
from app.api.visitor import TheVisitor
from app.problems import RateLimited
from app.watch.network_limits import NetworkLimit, Standing


class Spends:
    """A dependency that counts the request against the limit of that name, or raises RateLimited."""

    def __init__(self, name: Literal["register", "forgot", "codes"]) -> None:
        self._name = name

    async def __call__(self, request: Request, house: TheHouse, visitor: TheVisitor) -> None:
        limit: NetworkLimit = getattr(house.network_limits, self._name)
        rate = await limit.spend(visitor)
        headers: RawHeaders = request.state.headers
        headers += _told(rate.standings)
        if rate.wait is not None:
            raise RateLimited(retry_after=rate.wait)


def spends(name: Literal["register", "forgot", "codes"]) -> Any:  # noqa: ANN401  FastAPI's own type is private
    return Depends(Spends(name))


def spends_a_limit(dependant: Dependant | None) -> bool:
    return any(isinstance(one.call, Spends) for one in dependant.dependencies) if dependant else False


def _told(standings: tuple[Standing, ...]) -> RawHeaders:
    if not standings:
        return []
    policies = [f'"{one.policy}";q={one.allowed};w={ceil(one.window.total_seconds())}' for one in standings]
    left = [f'"{one.policy}";r={one.left};t={ceil(one.reset.total_seconds())}' for one in standings]
    return [(b"ratelimit-policy", ", ".join(policies).encode()), (b"ratelimit", ", ".join(left).encode())]
