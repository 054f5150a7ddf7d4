"""Routes: the user's own account."""

from fastapi import APIRouter

from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.flows.answers import Profile
from app.problems import InvalidToken

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.ACCOUNT])


@router.get("/me", responses=refusals(InvalidToken))
async def show_me(who: FullAccess, house: TheHouse) -> Profile:
    """The signed-in user."""
    return await house.profiles(who)
