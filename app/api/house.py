"""What the routes are given: the stories, built once by `wiring`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.crypto.tokens import Tokens
from app.flows.confirm import Confirm
from app.flows.enroll import Enroll
from app.flows.issuing import Issuing
from app.flows.login import Login
from app.flows.logout import Logout
from app.flows.manage import Manage
from app.flows.profile import Profiles
from app.flows.refresh import Refresh
from app.flows.register import Register
from app.flows.reset import Reset
from app.flows.step_up import StepUp
from app.flows.verify import Verify
from app.senders.inbox import Inbox
from app.store.database import Database
from app.visitor import Visitors
from app.watch.revocations import Revocations


@dataclass(frozen=True)
class House:
    tokens: Tokens
    revocations: Revocations
    visitors: Visitors
    database: Database
    register: Register
    login: Login
    verify: Verify
    step_up: StepUp
    refresh: Refresh
    logout: Logout
    reset: Reset
    profiles: Profiles
    enroll: Enroll
    confirm: Confirm
    issuing: Issuing
    manage: Manage
    inbox: Inbox


async def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


TheHouse = Annotated[House, Depends(_house)]
