"""Builds every story (the flow behind a route) once, from the tools. `main` mounts the result and keeps it running."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from app.api.house import House
from app.clock import Clock
from app.factors.base import AnyFactor
from app.flows.devices import Devices
from app.flows.export import Exporting
from app.flows.following import Following
from app.flows.keys import Keys
from app.flows.leaving import Leaving
from app.flows.logout import Logout
from app.flows.outbox import Outbox
from app.flows.prune import Prune, Pruning, ages
from app.flows.revocation_feed import RevocationFeed
from app.flows.rotation import Rotation
from app.flows.schemes import Schemes
from app.flows.security_events import SecurityEvents
from app.flows.sessions import Sessions
from app.messages import Channel
from app.settings import Settings
from app.settings.telemetry import TelemetrySettings
from app.tools import Tools
from app.visitor import Visitors
from app.watch import metrics
from app.watch.sampling import Sampling
from app.watch.spans import Traces
from app.wiring import emails, stories
from app.wiring.shared import Shared


@dataclass(frozen=True)
class Works:
    """The running service: its tools, its stories for the routes, and the jobs beside them."""

    tools: Tools
    house: House
    following: Following
    outbox: Outbox
    schemes: Schemes
    pruning: Pruning | None
    sampling: Sampling | None
    traces: Traces | None


def build(settings: Settings, clock: Clock, kinds: Iterable[type[AnyFactor]]) -> Works:
    tools = Tools(settings, clock, kinds)
    mail = tools.senders[Channel.EMAIL]
    return Works(
        tools=tools,
        house=_house(tools),
        following=_following(tools),
        outbox=Outbox(tools.database, clock, tools.undo_links, mail, settings.email.longest),
        schemes=Schemes(tools.database, tools.pool, tools.passwords),
        pruning=_pruning(tools),
        sampling=_sampling(tools) if settings.metrics.wanted else None,
        traces=_traces(settings.telemetry),
    )


def _pruning(tools: Tools) -> Pruning | None:
    every = tools.settings.retention.prune_every
    return None if every == "never" else Pruning(every, Prune(ages(tools.settings), tools.database, tools.clock))


def _sampling(tools: Tools) -> Sampling:
    settings = tools.settings
    ring = len(settings.secret_keys)
    metrics.begin(regions=settings.sms.regions or ())
    return Sampling(settings.tokens.rotate_every, ring, tools.database, tools.clock, tools.mails, tools.standing)


def _traces(settings: TelemetrySettings) -> Traces | None:
    """Load the tracing library only where traces are configured, since it is slow to load."""
    if settings.endpoint is None:
        return None
    traces: Traces = import_module("app.watch.telemetry").Telemetry(settings)
    return traces


def _following(tools: Tools) -> Following:
    settings = tools.settings.tokens
    keys = Keys(settings, tools.database, tools.clock, tools.vault)
    return Following(settings.follow_keys_every, keys, Rotation(keys), tools.tokens)


def _house(tools: Tools) -> House:
    settings, database, clock = tools.settings, tools.database, tools.clock
    shared = Shared(tools)
    security_events = SecurityEvents(database, tools.audit_keys)
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
        change_email=emails.change_email(tools, shared),
        undo_email=emails.undo_email(tools, shared),
        profiles=shared.profiles,
        enroll=stories.enroll(tools, shared),
        mailbox=shared.mailbox,
        confirm=stories.confirm(tools, shared),
        issuing=shared.issuing,
        manage=stories.manage(tools, shared),
        leaving=Leaving(database, clock, shared.proof, tools.revocations),
        exporting=Exporting(
            database, clock, tools.factors, tools.states, shared.proof, security_events, shared.account_limits
        ),
        sessions=Sessions(settings.tokens.refresh_idle, database, clock, shared.proof, shared.ended),
        devices=Devices(database=database, recognising=shared.recognising, ended=shared.ended),
        security_events=security_events,
        receipts=shared.receipts,
        inbox=tools.inbox,
    )
