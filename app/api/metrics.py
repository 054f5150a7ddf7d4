"""Route: the metrics on the main port, behind a token of their own, for installations without a second port."""

from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.problems import InvalidToken, MissingToken
from app.watch import exposition


def routes(token: SecretStr) -> APIRouter:
    router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.MACHINES])

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        responses=refusals(MissingToken, InvalidToken, parameters=True, database=False),
    )
    async def metrics(request: Request, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
        """Metrics for Prometheus, of all workers of this replica. It wants `METRICS__TOKEN` as bearer token."""
        given = request.headers.getlist("authorization")
        if not given:
            raise MissingToken
        if len(given) > 1 or not exposition.is_right(given[0], token.get_secret_value()):
            raise InvalidToken
        body, media_type = exposition.render(accept)
        return Response(body, headers={"Content-Type": media_type})

    return router
