"""Routes for development only, under a loopback Host only: the inbox for messages that have no provider configured."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.envelope import LOOPBACK, Envelope
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.flows.answers import Answer
from app.messages import Channel, Purpose
from app.problems import MisdirectedRequest


async def refuse_foreign_hosts(request: Request) -> None:
    """Refuse all but loopback names: a page elsewhere could rebind its own name to this machine (DNS rebinding)."""
    if Envelope.of(request.method, request.headers.raw).host not in LOOPBACK:
        raise MisdirectedRequest


router = APIRouter(
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
    tags=[Tag.DEVELOPMENT],
    dependencies=[Depends(refuse_foreign_hosts)],
)


class InboxItem(Answer):
    channel: Channel
    to: Annotated[str, Field(examples=["+12025550123"])]
    purpose: Purpose
    text: Annotated[str, Field(examples=["123456 is your Gatehouse code to sign in."])]
    code: Annotated[str | None, Field(examples=["123456"])]
    sent_at: datetime


class InboxPage(Answer):
    items: list[InboxItem]
    next_cursor: Annotated[None, Field(examples=[None])] = None


To = Annotated[str | None, Query(max_length=254, description="An address or number; a leading blank means `+`.")]


@router.get("/dev/inbox", responses=refusals(parameters=True, database=False))
async def read_inbox(house: TheHouse, to: To = None) -> InboxPage:
    """Every SMS and e-mail that was sent here, newest first."""
    return InboxPage(items=[InboxItem.model_validate(entry, from_attributes=True) for entry in house.inbox.read(to)])


@router.delete("/dev/inbox", status_code=204, response_class=Response, responses=refusals(database=False))
async def clear_inbox(house: TheHouse) -> None:
    """Empty the inbox."""
    house.inbox.clear()
