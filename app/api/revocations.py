"""Route: the sessions that ended and the users cut off, for other services that accept the tokens."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.MACHINES])

Since = Annotated[
    int | None,
    Query(
        ge=0,
        lt=2**53,
        description="`iat` of the document you have: the answer holds what ended since, and an overlap; merge it.",
        examples=[1_795_293_122],
    ),
]


class RevocationsResponse(Response):
    """RFC 7515 §4.1.9: `typ` in the header is this media type without `application/`."""

    media_type = "application/revocations+jwt"


_DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A compact JWS, `typ` `revocations+jwt`. Claims: `iss`, `iat`, `exp`, `sessions` and `users`, "
        "`reach`, and `since` when it is not everything.",
        "content": {RevocationsResponse.media_type: {"schema": {"type": "string", "examples": ["eyJ0eXAi…"]}}},
    }
}


@router.get(
    "/sessions/revocations", response_class=RevocationsResponse, responses=_DOCUMENT | refusals(parameters=True)
)
async def list_revocations(house: TheHouse, since: Since = None) -> RevocationsResponse:
    """What ended within an access token's life, signed by a key of the key set.

    Fetch it every second, and your service honours a logout almost as fast as this one.
    Refuse a token whose `sid` is among `sessions`, or whose `iat` is smaller than what `users` has for its `sub`. An entry
    may be forgotten `reach` seconds after the time that stands beside it. Without a document whose `exp` lies in the
    future, refuse every token (503).
    """
    document = await house.revocation_feed(since)
    return RevocationsResponse(document, headers={"Cache-Control": "public, max-age=1"})
