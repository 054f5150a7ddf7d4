"""Routes: the user's own account."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.cookies import TheJar, sets_cookie
from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.factors.base import Shape
from app.flows.answers import Profile
from app.flows.answers.export import Export
from app.names import DisplayName, Locale
from app.problems import InvalidToken, RateLimited, StepUpRequired, StrongerFactorRequired

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.ACCOUNT])


_ATTACHED = 'attachment; filename="gatehouse-export.json"'
_AS_A_FILE: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"Content-Disposition": {"required": True, "schema": {"const": _ATTACHED}}}}
}


class ProfileChange(Shape):
    """What is left out stays as it is; `"display_name": null` takes the name away."""

    locale: Annotated[Locale | None, Field(description="BCP 47, as at sign-up; null: as it is.")] = None
    display_name: DisplayName = None


@router.get("/me", responses=refusals(InvalidToken))
async def show_me(who: FullAccess, house: TheHouse) -> Profile:
    """The signed-in user."""
    return await house.profiles(who)


@router.patch("/me", responses=refusals(InvalidToken, RateLimited, body=True))
async def change_me(body: ProfileChange, who: FullAccess, house: TheHouse) -> Profile:
    """Change the language of one's messages, or the name that is shown. The answer is that of `GET /me`."""
    changes = {
        name: value for name, value in body if name in body.model_fields_set and (name, value) != ("locale", None)
    }
    return await house.profiles.change(who, changes)


@router.delete(
    "/me",
    status_code=204,
    response_class=Response,
    responses=refusals(InvalidToken, StepUpRequired, StrongerFactorRequired) | sets_cookie(204),
)
async def delete_me(who: FullAccess, house: TheHouse, jar: TheJar) -> None:
    """Delete the account and everything that belongs to it. It cannot be undone.

    It needs a proof of the last five minutes, by the strongest factor or a recovery code. Every session ends: its tokens are dead within a second, on every replica. A mail to the address says so.
    """
    await house.leaving(who)
    jar.empty()


@router.get("/me/export", responses=refusals(InvalidToken, StepUpRequired, RateLimited) | _AS_A_FILE)
async def export_me(who: FullAccess, house: TheHouse, response: Response) -> Export:
    """Everything that is held about the user, as a file, with a proof of the last five minutes.

    The phone number is given in full. Of a password, a seed, a code or a token nothing is given but that it is kept, and
    how.
    """
    response.headers["Content-Disposition"] = _ATTACHED
    return await house.exporting(who)
