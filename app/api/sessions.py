"""Routes: keep a session, look at it, end it."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from app.api.cookies import TAKES_COOKIE, TheJar, sets_cookie
from app.api.guard import FullAccess, Presented
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.schemas import prefilled
from app.api.strict import StrictRoute
from app.api.visitor import TheVisitor
from app.crypto.claims import AccessClaims
from app.factors.base import Shape
from app.flows.answers import REFRESH_TOKEN, Authenticated
from app.problems import CsrfRequired, InvalidRefreshToken, InvalidToken

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SESSIONS])

_SHOWN = prefilled({"refresh_token": REFRESH_TOKEN})

RefreshToken = Annotated[SecretStr, Field(min_length=1, max_length=256)]


class RefreshRequest(Shape):
    refresh_token: RefreshToken | None = None


class LogoutRequest(Shape):
    refresh_token: RefreshToken | None = None


@router.get("/session", responses=refusals(InvalidToken))
async def show_session(who: FullAccess) -> AccessClaims:
    """The claims of the caller's access token, if it is good. Made for other programs to ask: it needs no database."""
    return who


@router.post(
    "/token/refresh",
    responses=refusals(InvalidRefreshToken, CsrfRequired, body=True) | sets_cookie(200),
    openapi_extra=TAKES_COOKIE | _SHOWN,
)
async def refresh(
    house: TheHouse, visitor: TheVisitor, jar: TheJar, body: RefreshRequest | None = None
) -> Authenticated:
    """Exchange the newest refresh token for a new pair.

    If the answer was lost, the same token may be sent again within a minute and gives the same successor. Any older
    token ends the session: somebody copied it. A token in a cookie is taken when the body has none, with the header
    `X-Gatehouse-CSRF: 1`; its successor takes its place in the cookie.
    """
    given = _of(body) or jar.token()
    if given is None:
        raise InvalidRefreshToken
    return jar.keep(await house.refresh(given, visitor, cookie=_of(body) is None))


@router.post(
    "/logout",
    status_code=204,
    response_class=Response,
    responses=refusals(InvalidToken, CsrfRequired, body=True) | sets_cookie(204),
    openapi_extra={"security": [{"AccessToken": []}, {}]} | TAKES_COOKIE | _SHOWN,
)
async def logout(token: Presented, house: TheHouse, jar: TheJar, body: LogoutRequest | None = None) -> None:
    """End the session, with its access token as bearer, its refresh token in the body or the cookie; also when it is over.

    Its access tokens are dead within a second, on every replica. The cookie counts beside `X-Gatehouse-CSRF: 1` only,
    and is gone after it.
    """
    given = _of(body)
    await house.logout(access_token=token, refresh_token=given or jar.token())
    if given is None:
        jar.empty()


def _of(body: RefreshRequest | LogoutRequest | None) -> str | None:
    return body.refresh_token.get_secret_value() if body and body.refresh_token else None
