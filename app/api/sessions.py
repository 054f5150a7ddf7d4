"""Routes: keep a session, look at it, end it."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from app.api.guard import FullAccess, Presented
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.crypto.claims import AccessClaims
from app.factors.base import Shape
from app.flows.answers import Authenticated
from app.problems import InvalidRefreshToken, InvalidToken

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SESSIONS])

RefreshToken = Annotated[SecretStr, Field(min_length=1, max_length=256)]


class RefreshRequest(Shape):
    refresh_token: RefreshToken


class LogoutRequest(Shape):
    refresh_token: RefreshToken | None = None


@router.post("/token/refresh", responses=refusals(InvalidRefreshToken, body=True))
async def refresh(body: RefreshRequest, house: TheHouse) -> Authenticated:
    """Exchange the newest refresh token for a new pair.

    If the answer was lost, the same token may be sent again within a minute and gives the same successor. Any older
    token ends the session: somebody copied it.
    """
    return await house.refresh(body.refresh_token.get_secret_value())


@router.post(
    "/logout",
    status_code=204,
    response_class=Response,
    responses=refusals(InvalidToken, body=True),
    openapi_extra={"security": [{"AccessToken": []}, {}]},
)
async def logout(token: Presented, house: TheHouse, body: LogoutRequest | None = None) -> None:
    """End the session, with its access token as bearer, its refresh token in the body, or both; also when it is over.

    Its access tokens are dead within a second, on every replica.
    """
    given = body.refresh_token if body else None
    await house.logout(access_token=token, refresh_token=given.get_secret_value() if given else None)


@router.get("/session", responses=refusals(InvalidToken))
async def show_session(who: FullAccess) -> AccessClaims:
    """The claims of the caller's access token, if it is good. Made for other programs to ask: it needs no database."""
    return who
