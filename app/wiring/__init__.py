"""Builds every story, once, out of the tools. `main` mounts what comes out of it and keeps it running."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.api.house import House
from app.clock import Clock
from app.factors.base import AnyFactor
from app.flows.devices import Devices
from app.flows.following import Following
from app.flows.keys import Keys
from app.flows.logout import Logout
from app.flows.outbox import Outbox
from app.flows.revocation_feed import RevocationFeed
from app.flows.rotation import Rotation
from app.flows.schemes import Schemes
from app.flows.sessions import Sessions
from app.messages import Channel
from app.settings import Settings
from app.tools import Tools
from app.visitor import Visitors
from app.wiring import stories
from app.wiring.shared import Shared


@dataclass(frozen=True)
class Works:
    """The running service: its tools, its stories for the routes, and the jobs beside them."""

    tools: Tools
    house: House
    following: Following
    outbox: Outbox
    schemes: Schemes


def build(settings: Settings, clock: Clock, kinds: Iterable[type[AnyFactor]]) -> Works:
    tools = Tools(settings, clock, kinds)
    return Works(
        tools=tools,
        house=_house(tools),
        following=_following(tools),
        outbox=Outbox(tools.database, clock, tools.letters, tools.senders[Channel.EMAIL]),
        schemes=Schemes(tools.database, tools.pool, tools.passwords),
    )


def _following(tools: Tools) -> Following:
    settings = tools.settings.tokens
    keys = Keys(settings, tools.database, tools.clock, tools.vault)
    return Following(settings.follow_keys_every, keys, Rotation(keys), tools.tokens)


def _house(tools: Tools) -> House:
    settings, database, clock = tools.settings, tools.database, tools.clock
    shared = Shared(tools)
    return House(
        metadata=stories.metadata(tools),
        tokens=tools.tokens,
        revocations=tools.revocations,
        revocation_feed=RevocationFeed(settings.tokens, clock, tools.tokens, tools.revocations),
        sightings=tools.sightings,
        refusals=tools.refusals,
        network_limits=stories.network_limits(tools),
        visitors=Visitors(settings.http.trusted_proxies),
        database=database,
        register=stories.register(tools),
        login=stories.login(tools, shared),
        verify=stories.verify(tools, shared),
        step_up=stories.step_up(tools, shared),
        refresh=stories.refresh(tools, shared),
        logout=Logout(database, tools.tokens, tools.refresh_tokens, tools.revocations),
        reset=stories.reset(tools, shared),
        change_password=stories.change_password(tools, shared),
        profiles=shared.profiles,
        enroll=stories.enroll(tools, shared),
        confirm=stories.confirm(tools, shared),
        issuing=shared.issuing,
        manage=stories.manage(tools, shared),
        sessions=Sessions(
            refresh_idle=settings.tokens.refresh_idle,
            database=database,
            clock=clock,
            proof=shared.proof,
            ended=shared.ended,
        ),
        devices=Devices(database=database, recognising=shared.recognising, ended=shared.ended),
        receipts=shared.receipts,
        inbox=tools.inbox,
    )
