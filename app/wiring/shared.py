"""The pieces that several stories are made of."""

from app.events import Event
from app.flows.admission import Admission
from app.flows.asking import Asking
from app.flows.completing import Completing
from app.flows.ended import Ended
from app.flows.farewell import Farewell
from app.flows.issuing import Issuing
from app.flows.judging import Judging
from app.flows.mailbox import Mailbox
from app.flows.obstacles import Obstacles
from app.flows.password_attempts import PasswordAttempts
from app.flows.profile import Profiles
from app.flows.proof import Proof
from app.flows.receipts import Receipts
from app.flows.recognising import Recognising
from app.tools import Tools
from app.watch.account_limits import AccountLimits
from app.watch.floods import Floods
from app.watch.limits import Limit
from app.watch.mail_limits import MailLimit


class Shared:
    def __init__(self, tools: Tools) -> None:
        settings, database, clock, factors = tools.settings, tools.database, tools.clock, tools.factors
        self.ended = Ended(tools.revocations)
        self.recognising = Recognising(settings.devices, clock, tools.device_tokens)
        self.admission = Admission(
            settings=settings.tokens,
            clock=clock,
            tokens=tools.tokens,
            refresh_tokens=tools.refresh_tokens,
            recognising=self.recognising,
            ended=self.ended,
        )
        self.password_attempts = PasswordAttempts(clock, tools.pool, tools.passwords, tools.throttle)
        obstacles = Obstacles(settings.mfa, database, clock, factors)
        self.judging = Judging(settings.mfa, database, clock, factors, tools.states, obstacles)
        self.mailbox = _mailbox(tools, self.judging)
        self.completing = Completing(clock, tools.states)
        self.account_limits = AccountLimits(settings.limits, database=database, vault=tools.vault)
        self.profiles = Profiles(database, clock, factors, tools.states, self.account_limits)
        self.proof = Proof(settings.mfa, clock, factors)
        self.issuing = Issuing(settings.brand, database, clock, factors, tools.states, self.proof, self.account_limits)
        self.receipts = _receipts(tools)
        self.asking = Asking(
            settings=settings.mfa,
            answer_wait=settings.sms.answer_wait,
            database=database,
            clock=clock,
            factors=factors,
            states=tools.states,
            letters=tools.letters,
            senders=tools.senders,
            receipts=self.receipts,
            firewall=tools.firewall,
            obstacles=obstacles,
            background=tools.background,
        )
        self.farewell = Farewell(
            database, clock, factors, tools.states, tools.letters, tools.senders, tools.firewall, tools.background
        )


def mail_limit(tools: Tools, name: str, rules: str) -> Limit:
    """Make a limit of the mails to one user."""
    return Limit(name, rules, database=tools.database, vault=tools.vault, mode=tools.settings.limits.mails)


def mailbox_limit(tools: Tools, name: str, rules: str) -> MailLimit:
    """Make a limit of the mails to a mailbox that anybody may name."""
    return MailLimit(name, rules, database=tools.database, vault=tools.vault, mode=tools.settings.limits.mails)


def _mailbox(tools: Tools, judging: Judging) -> Mailbox:
    return Mailbox(
        settings=tools.settings.mfa,
        database=tools.database,
        clock=tools.clock,
        fingerprints=tools.fingerprints,
        judging=judging,
        limit=mail_limit(tools, "enrolment mails", tools.settings.registration.mails),
        letters=tools.letters,
        mails=tools.mails,
    )


def _receipts(tools: Tools) -> Receipts:
    settings, clock = tools.settings, tools.clock
    rules, mode = settings.limits.refused_receipts, settings.network_limits
    floods = Floods(Event.RECEIPT_REFUSED, rules, mode=mode, clock=clock)
    return Receipts(settings.receipts_address, settings.sms.auth_tokens, tools.database, clock, floods)
