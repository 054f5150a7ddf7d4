"""Builds every object, once: which room gets which tools. `main` mounts what comes out of it and keeps it running."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from app.api.house import House
from app.clock import Clock
from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.crypto.refresh import RefreshTokens
from app.crypto.tokens import Tokens
from app.crypto.vault import Vault
from app.factors.base import AnyFactor
from app.factors.registry import Factors
from app.flows.admission import Admission
from app.flows.asking import Asking
from app.flows.background import Background
from app.flows.confirm import Confirm
from app.flows.enroll import Enroll
from app.flows.judging import Judging
from app.flows.keys import Keys
from app.flows.letters import Letters
from app.flows.login import Login
from app.flows.logout import Logout
from app.flows.outbox import Outbox
from app.flows.profile import Profiles
from app.flows.refresh import Refresh
from app.flows.register import Register
from app.flows.states import States
from app.flows.verify import Verify
from app.messages import Channel
from app.senders.base import Sender
from app.senders.inbox import Inbox
from app.senders.queue import MailQueue
from app.settings import Settings
from app.store.database import Database
from app.texts import LastLine, Texts, languages, over_ours
from app.watch.limits import Limit
from app.watch.revocations import Revocations


class Tools:
    """What several stories share. Raises ValueError, with a sentence, for settings that cannot work."""

    def __init__(self, settings: Settings, clock: Clock, kinds: Iterable[type[AnyFactor]]) -> None:
        ring = KeyRing(settings.secret_keys)
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database)
        self.vault = Vault(ring)
        self.fingerprints = Fingerprints(ring)
        self.refresh_tokens = RefreshTokens(ring)
        self.tokens = Tokens(settings.tokens, clock=clock)
        self.passwords = Passwords(settings.passwords)
        self.pool = HashPool(
            threads=settings.passwords.threads, queue=settings.passwords.queue, workers=settings.workers
        )
        self.factors = Factors(kinds, settings, fingerprints=self.fingerprints)
        self.states = States(self.vault, self.factors)
        self.inbox = Inbox(Path(settings.data_dir) / "inbox.jsonl", clock=clock)
        self.senders = _senders(settings, clock, self.inbox)
        self.mails = MailQueue(self.senders[Channel.EMAIL], size=settings.email.queue)
        self.background = Background()
        self.letters = Letters(settings.brand, settings.mfa.code_life, _texts(settings))
        self.revocations = Revocations(self.database, life=settings.tokens.access_life, clock=clock)


def _senders(settings: Settings, clock: Clock, inbox: Inbox) -> Mapping[Channel, Sender]:
    """The providers' libraries are slow to load, so only those are loaded that are configured."""
    senders: dict[Channel, Sender] = {Channel.SMS: inbox, Channel.EMAIL: inbox}
    if settings.sms.plivo_auth_id:
        senders[Channel.SMS] = import_module("app.senders.plivo").PlivoSender(settings.sms, clock=clock)
    if settings.email.smtp_url:
        senders[Channel.EMAIL] = import_module("app.senders.smtp").SmtpSender(settings.email, clock=clock)
    return senders


def _texts(settings: Settings) -> Texts:
    last_line, folder = LastLine(settings.sms.origin, settings.sms.android_app_hash), settings.texts_dir
    own = over_ours(Path(folder), last_line=last_line, brand=settings.brand) if folder else None
    return Texts(own or languages(), last_line)


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
    settings, database, clock, states = tools.settings, tools.database, tools.clock, tools.states
    admission = Admission(settings.tokens, clock, tools.tokens, tools.refresh_tokens)
    judging = Judging(settings.mfa, database, clock, tools.factors, states)
    profiles = Profiles(database, tools.factors, states)
    asking = _asking(tools)
    return House(
        tokens=tools.tokens,
        revocations=tools.revocations,
        database=database,
        register=_register(tools),
        login=_login(tools, asking, admission),
        verify=Verify(settings.mfa, database, clock, states, asking, judging, admission),
        refresh=Refresh(settings.tokens, database, clock, tools.refresh_tokens, admission, tools.revocations),
        logout=Logout(database, tools.tokens, tools.refresh_tokens, tools.revocations),
        profiles=profiles,
        enroll=Enroll(settings.mfa, database, clock, tools.factors, states, asking),
        confirm=Confirm(settings.mfa, database, clock, tools.factors, states, judging, admission, profiles),
        inbox=tools.inbox,
    )


def _asking(tools: Tools) -> Asking:
    return Asking(
        settings=tools.settings.mfa,
        answer_wait=tools.settings.sms.answer_wait,
        database=tools.database,
        clock=tools.clock,
        factors=tools.factors,
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


def _login(tools: Tools, asking: Asking, admission: Admission) -> Login:
    return Login(
        settings=tools.settings.tokens,
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        tokens=tools.tokens,
        factors=tools.factors,
        states=tools.states,
        asking=asking,
        admission=admission,
    )
