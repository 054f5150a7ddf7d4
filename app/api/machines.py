"""Routes for other programs: public keys, metadata, health."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.flows.answers import Answer, Metadata
from app.flows.keys import JWKS_MAX_AGE
from app.problems import Overloaded

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.MACHINES])

CACHEABLE = {"Cache-Control": f"public, max-age={int(JWKS_MAX_AGE.total_seconds())}"}


class KeySetResponse(JSONResponse):
    media_type = "application/jwk-set+json"


class Health(Answer):
    status: Literal["ok"] = "ok"


@router.get("/.well-known/jwks.json", response_class=KeySetResponse, responses=refusals(database=False))
async def jwks(house: TheHouse) -> KeySetResponse:
    """The public keys of access tokens (RFC 7517): all that a service of yours needs to verify them.

    The one that signs, the next one, and those whose last token may still live. Take the one that `kid` names, with its
    `alg`; fetch the set anew when you meet a `kid` that is not in it.
    """
    content: dict[str, Any] = house.tokens.keys.jwks()
    return KeySetResponse(content, headers=CACHEABLE)


@router.get("/.well-known/oauth-authorization-server", responses=refusals(database=False))
async def describe_issuer(house: TheHouse, response: Response) -> Metadata:
    """Who issues the tokens, and where their keys are (RFC 8414).

    There are no endpoints to authorize at: people sign in by `POST /login`.
    """
    response.headers.update(CACHEABLE)
    return house.metadata


@router.get("/livez", responses=refusals(database=False))
async def livez() -> Health:
    """The process runs. It says nothing about the database: a restart would not help that."""
    return Health()


@router.get("/readyz", responses=refusals(Overloaded))
async def readyz(house: TheHouse, request: Request) -> Health:
    """The service can do its work: send requests here. It is 503 too from the moment that it was told to stop."""
    if getattr(request.state, "leaving", False):
        raise Overloaded("This worker is about to stop: send requests to others.")
    await house.revocations.refuse_stale()
    await house.database.ping()
    return Health()
