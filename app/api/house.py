"""The dependency that gives routes the flows and what they share, built once by `wiring`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.crypto.tokens import Tokens
from app.flows.answers import Metadata
from app.flows.change_email import ChangeEmail
from app.flows.change_password import ChangePassword
from app.flows.confirm import Confirm
from app.flows.devices import Devices
from app.flows.enroll import Enroll
from app.flows.export import Exporting
from app.flows.issuing import Issuing
from app.flows.leaving import Leaving
from app.flows.login import Login
from app.flows.logout import Logout
from app.flows.mailbox import Mailbox
from app.flows.manage import Manage
from app.flows.profile import Profiles
from app.flows.receipts import Receipts
from app.flows.refresh import Refresh
from app.flows.register import Register
from app.flows.reset import Reset
from app.flows.revocation_feed import RevocationFeed
from app.flows.security_events import SecurityEvents
from app.flows.sessions import Sessions
from app.flows.step_up import StepUp
from app.flows.undo_email import UndoEmail
from app.flows.verify import Verify
from app.senders.inbox import Inbox
from app.store.database import Database
from app.visitor import Visitors
from app.watch.network_limits import NetworkLimits
from app.watch.refusals import Refusals
from app.watch.revocations import Revocations
from app.watch.sightings import Sightings


@dataclass(frozen=True)
class House:
    metadata: Metadata
    tokens: Tokens
    revocations: Revocations
    revocation_feed: RevocationFeed
    visitors: Visitors
    sightings: Sightings
    refusals: Refusals
    network_limits: NetworkLimits
    database: Database
    register: Register
    login: Login
    verify: Verify
    step_up: StepUp
    refresh: Refresh
    logout: Logout
    reset: Reset
    change_password: ChangePassword
    change_email: ChangeEmail
    undo_email: UndoEmail
    profiles: Profiles
    enroll: Enroll
    mailbox: Mailbox
    confirm: Confirm
    issuing: Issuing
    manage: Manage
    leaving: Leaving
    exporting: Exporting
    sessions: Sessions
    devices: Devices
    security_events: SecurityEvents
    receipts: Receipts
    inbox: Inbox


async def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


TheHouse = Annotated[House, Depends(_house)]
