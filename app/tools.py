"""What the flows share, built once from the settings: keys, database, senders, factors."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from app.clock import Clock
from app.crypto.codes import Fingerprints
from app.crypto.devices import DeviceTokens
from app.crypto.keys import KeyRing
from app.crypto.passwords import Passwords
from app.crypto.pool import HashPool
from app.crypto.refresh import RefreshTokens
from app.crypto.tokens import Tokens
from app.crypto.undos import UndoTokens
from app.crypto.vault import Vault
from app.factors.base import AnyFactor
from app.factors.registry import Factors
from app.flows.background import Background
from app.flows.fixed_codes import FixedCodes
from app.flows.letters import Letters
from app.flows.states import States
from app.flows.undo_links import UndoLinks
from app.messages import Channel
from app.senders.base import BreachedPasswords, Sender
from app.senders.inbox import Inbox
from app.senders.queue import MailQueue
from app.senders.relay import Relay
from app.settings import Settings
from app.settings.fixed_codes import refuse_lasting
from app.settings.groups import SmsSettings
from app.settings.people import PasswordSettings
from app.store.database import Database
from app.texts import LastLine, Texts, over_ours
from app.watch import logs, metrics
from app.watch.audit_keys import AuditKeys
from app.watch.refusals import Refusals
from app.watch.revocations import Revocations
from app.watch.sealer import Sealer
from app.watch.sightings import Sightings
from app.watch.sms_firewall import SmsFirewall
from app.watch.sms_modes import modes_of
from app.watch.sms_rules import SmsRules
from app.watch.standing import Standing
from app.watch.throttle import Throttle
from app.watch.trail import Trail


class Tools:
    """What several flows share. Raises ValueError, with a sentence, for settings that cannot work."""

    def __init__(self, settings: Settings, clock: Clock, kinds: Iterable[type[AnyFactor]]) -> None:
        ring = KeyRing(settings.secret_keys)
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database)
        self.vault = Vault(ring)
        self.audit_keys = AuditKeys(self.database, vault=self.vault, clock=clock)
        self.trail = Trail(self.database, keys=self.audit_keys, clock=clock, size=settings.audit.queue)
        self.fingerprints = Fingerprints(ring)
        self.refresh_tokens = RefreshTokens(ring)
        self.device_tokens = DeviceTokens(ring)
        self.tokens = Tokens(settings.tokens, clock=clock)
        self.sealer = Sealer(
            settings.audit, self.database, issuer=settings.tokens.issuer, keys=self.audit_keys, tokens=self.tokens
        )
        self.standing = Standing(settings.tokens.issuer, self.database, self.audit_keys)
        self.passwords = _passwords(settings, clock)
        self.pool = HashPool(
            threads=settings.passwords.threads,
            queue=settings.passwords.queue,
            workers=settings.workers,
            watcher=metrics.Hashing(),
        )
        self.throttle = Throttle(
            settings.limits, network=settings.network_limits, database=self.database, vault=self.vault
        )
        self.firewall = SmsFirewall(SmsRules.of(settings), modes_of(settings), vault=self.vault)
        self.factors = Factors(kinds, settings, fingerprints=self.fingerprints)
        self.states = States(self.vault, self.factors)
        self.inbox = Inbox(Path(settings.data_dir) / "inbox.jsonl", clock=clock)
        self.senders = _senders(settings, clock, self.inbox)
        self.breached = _breached(settings.passwords)
        self.mails = MailQueue(self.senders[Channel.EMAIL], size=settings.email.queue)
        self.background = Background()
        self.letters = Letters(settings.brand, settings.mfa.code_life, texts(settings))
        self.undo_links = UndoLinks(settings.undo_page, settings.email_change.undo_life, UndoTokens(ring), self.letters)
        self.refusals = Refusals()
        self.sightings = Sightings(self.database, clock=clock)
        self.revocations = Revocations(self.database, life=settings.tokens.access_life, clock=clock)


def _passwords(settings: Settings, clock: Clock) -> Passwords:
    words = (settings.brand, *settings.http.host_names)
    return Passwords(settings.passwords, shortest=settings.shortest_password, clock=clock, words=words)


def _senders(settings: Settings, clock: Clock, inbox: Inbox) -> Mapping[Channel, Sender]:
    """Make each channel's sender. The providers' libraries are slow to load, so only the configured ones are loaded."""
    senders: dict[Channel, Sender] = {Channel.SMS: inbox, Channel.EMAIL: inbox}
    if settings.sms.plivo_auth_id:
        senders[Channel.SMS] = _sms(settings.sms, clock)
        if settings.sms.budget is None and not settings.in_development:
            logs.logger("gatehouse.sms").warning(
                "sms.without_budget", set="GATEHOUSE_SMS__BUDGET, GATEHOUSE_SMS__PRICES"
            )
    if numbers := settings.sms.test_numbers:
        if not settings.in_development:
            refuse_lasting(numbers, now=clock.now())
        senders[Channel.SMS] = FixedCodes(numbers, senders[Channel.SMS], clock)
    if settings.email.smtp_url:
        senders[Channel.EMAIL] = import_module("app.senders.smtp").SmtpSender(settings.email, clock=clock)
    return senders


def _sms(settings: SmsSettings, clock: Clock) -> Sender:
    """Make the sender for Plivo, and the configured one that takes over what Plivo turns away."""
    through_plivo = import_module("app.senders.plivo").PlivoSender
    first: Sender = through_plivo(settings, clock=clock, told=metrics.circuit)
    if settings.fallback_plivo_src:
        second = through_plivo(settings.fallback_plivo, clock=clock, name="plivo fallback", told=metrics.circuit)
        return Relay(first, second, deadline=settings.deadline, clock=clock)
    if settings.fallback_webhook_url:
        webhook = import_module("app.senders.webhook").WebhookSender(settings, clock=clock, told=metrics.circuit)
        return Relay(first, webhook, deadline=settings.deadline, clock=clock)
    return first


def _breached(settings: PasswordSettings) -> BreachedPasswords | None:
    """Make the client of the breach check, if configured: its library is slow to load, too."""
    if settings.breach_check_url is None:
        return None
    api: BreachedPasswords = import_module("app.senders.breaches").RangeApi(
        settings.breach_check_url, wait=settings.breach_check_wait
    )
    return api


def texts(settings: Settings) -> Texts:
    last_line, folder = LastLine(settings.sms.origin, settings.sms.android_app_hash), settings.texts_dir
    own = over_ours(Path(folder), last_line=last_line, brand=settings.brand) if folder else {}
    return Texts(own, last_line)
