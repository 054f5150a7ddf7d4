"""Routes: what happened to the user's own account."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.flows.answers.security_events import SecurityEventList
from app.flows.security_events import read_cursor
from app.problems import InvalidToken
from app.problems.fields import SAID, says

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.ACCOUNT])

_MOST, _USUAL = 100, 50
_NO_CURSOR: Final = "Must be the next_cursor of the page before."


def _readable(cursor: str | None) -> str | None:
    """Return *cursor*, or refuse it if it cannot be decoded."""
    try:
        if cursor is not None:
            read_cursor(cursor)
    except ValueError:
        raise PydanticCustomError(SAID, _NO_CURSOR) from None
    return cursor


PageCursor = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9_-]{32}$", description="`next_cursor` of the page before."),
    says(_NO_CURSOR),
    AfterValidator(_readable),
]
Limit = Annotated[int, Query(ge=1, le=_MOST, description="So many at most.")]


@router.get("/me/security-events", responses=refusals(InvalidToken, parameters=True))
async def list_security_events(
    who: FullAccess, house: TheHouse, cursor: PageCursor = None, limit: Limit = _USUAL
) -> SecurityEventList:
    """List what happened to the account, the newest first: sign-ins, refused passwords and codes, changes of any kind.

    Events are listed whoever caused them. An event appears within seconds; one that could not be written at once
    appears in its place later.
    """
    return await house.security_events(who, cursor=cursor, limit=limit)
