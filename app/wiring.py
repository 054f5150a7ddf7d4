"""Builds every story, once, out of the tools. `main` mounts what comes out of it and keeps it running."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.api.house import House
from app.clock import Clock
from app.factors.base import AnyFactor
from app.flows.admission import Admission
from app.flows.asking import Asking
from app.flows.at_once import AtOnce
from app.flows.completing import Completing
from app.flows.confirm import Confirm
from app.flows.enroll import Enroll
from app.flows.issuing import Issuing
from app.flows.judging import Judging
from app.flows.keys import Keys
from app.flows.login import Login
from app.flows.logout import Logout
from app.flows.manage import Manage
from app.flows.outbox import Outbox
from app.flows.pending import Pending
from app.flows.profile import Profiles
from app.flows.proof import Proof
from app.flows.refresh import Refresh
from app.flows.register import Register
from app.flows.reset import Reset
from app.flows.step_up import StepUp
from app.flows.verify import Verify
from app.messages import Channel
from app.settings import Settings
from app.tools import Tools
from app.watch.limits import Limit


@dataclass(frozen=True)
class Works:
    """The running service: its tools, its stories for the routes, and the jobs beside them."""

    tools: Tools
    house: House
    keys: Keys
    outbox: Outbox


def build(settings: Settings, clock: Clock, kinds: Iterable[type[AnyFactor]]) -> Works:
    tools = Tools(settings, clock, kinds)
    return Works(
        tools=tools,
        house=_house(tools),
        keys=Keys(tools.database, clock, tools.vault),
        outbox=Outbox(tools.database, clock, tools.letters, tools.senders[Channel.EMAIL]),
    )


def _house(tools: Tools) -> House:
    settings, database, clock = tools.settings, tools.database, tools.clock
    shared = Shared(tools)
    return House(
        tokens=tools.tokens,
        revocations=tools.revocations,
        database=database,
        register=_register(tools),
        login=_login(tools, shared),
        verify=Verify(
            settings.mfa,
            database,
            clock,
            tools.factors,
            shared.asking,
            shared.judging,
            shared.completing,
            shared.admission,
        ),
        step_up=_step_up(tools, shared),
        refresh=Refresh(settings.tokens, database, clock, tools.refresh_tokens, shared.admission, tools.revocations),
        logout=Logout(database, tools.tokens, tools.refresh_tokens, tools.revocations),
        reset=_reset(tools),
        profiles=shared.profiles,
        enroll=Enroll(
            settings.mfa, settings.brand, database, clock, tools.factors, tools.states, shared.proof, shared.asking
        ),
        confirm=_confirm(tools, shared),
        issuing=shared.issuing,
        manage=Manage(settings.mfa, database, clock, tools.factors, shared.proof, shared.profiles),
        inbox=tools.inbox,
    )


class Shared:
    """The pieces that several stories are made of."""

    def __init__(self, tools: Tools) -> None:
        settings, database, clock, factors = tools.settings, tools.database, tools.clock, tools.factors
        self.admission = Admission(settings.tokens, clock, tools.tokens, tools.refresh_tokens)
        self.judging = Judging(settings.mfa, database, clock, factors, tools.states)
        self.completing = Completing(clock, tools.states)
        self.profiles = Profiles(database, factors, tools.states)
        self.proof = Proof(settings.mfa, clock, factors)
        self.issuing = Issuing(settings.brand, database, clock, factors, tools.states, self.proof)
        self.asking = Asking(
            settings=settings.mfa,
            answer_wait=settings.sms.answer_wait,
            database=database,
            clock=clock,
            factors=factors,
            states=tools.states,
            letters=tools.letters,
            senders=tools.senders,
            background=tools.background,
        )


def _register(tools: Tools) -> Register:
    rules = tools.settings.registration
    return Register(
        settings=rules,
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        fingerprints=tools.fingerprints,
        limit=Limit("verification mails", rules.mails, database=tools.database, vault=tools.vault),
        letters=tools.letters,
        mails=tools.mails,
        background=tools.background,
    )


def _reset(tools: Tools) -> Reset:
    rules = tools.settings.passwords
    return Reset(
        settings=rules,
        page=tools.settings.reset_page,
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        limit=Limit("reset mails", rules.reset_mails, database=tools.database, vault=tools.vault),
        letters=tools.letters,
        mails=tools.mails,
        background=tools.background,
    )


def _login(tools: Tools, shared: Shared) -> Login:
    database, clock, factors = tools.database, tools.clock, tools.factors
    return Login(
        settings=tools.settings.mfa,
        database=database,
        clock=clock,
        pool=tools.pool,
        passwords=tools.passwords,
        admission=shared.admission,
        pending=Pending(tools.settings.tokens, database, clock, tools.tokens, factors, tools.states, shared.asking),
        at_once=AtOnce(database, factors, shared.judging, shared.completing, shared.admission),
    )


def _step_up(tools: Tools, shared: Shared) -> StepUp:
    return StepUp(
        settings=tools.settings.mfa,
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        tokens=tools.tokens,
        factors=tools.factors,
        asking=shared.asking,
        judging=shared.judging,
        completing=shared.completing,
    )


def _confirm(tools: Tools, shared: Shared) -> Confirm:
    return Confirm(
        database=tools.database,
        clock=tools.clock,
        factors=tools.factors,
        states=tools.states,
        judging=shared.judging,
        admission=shared.admission,
        issuing=shared.issuing,
        asking=shared.asking,
        profiles=shared.profiles,
    )
