"""Routes: for other programs."""

from typing import Any, Literal

from fastapi import APIRouter
from starlette.responses import JSONResponse

from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.flows.answers import Answer

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.MACHINES])


class KeySetResponse(JSONResponse):
    media_type = "application/jwk-set+json"


class Health(Answer):
    status: Literal["ok"] = "ok"


@router.get("/.well-known/jwks.json", response_class=KeySetResponse, responses=refusals(database=False))
async def jwks(house: TheHouse) -> KeySetResponse:
    """The public keys of access tokens (RFC 7517): everything that an own service needs to verify them."""
    content: dict[str, Any] = house.tokens.keys.jwks()
    return KeySetResponse(content, headers={"Cache-Control": "public, max-age=300"})


@router.get("/livez", responses=refusals(database=False))
async def livez() -> Health:
    """The process runs. It says nothing about the database: a restart would not help that."""
    return Health()


@router.get("/readyz", responses=refusals())
async def readyz(house: TheHouse) -> Health:
    """The service can do its work: send requests here."""
    await house.revocations.refuse_stale()
    await house.database.ping()
    return Health()
