"""Stories that are built of many tools, one function each."""

from app.crypto.claims import MFA, PASSWORD_ONLY, PHISHING_RESISTANT
from app.flows.answers import Metadata
from app.flows.at_once import AtOnce
from app.flows.breach_check import BreachCheck
from app.flows.change_password import ChangePassword
from app.flows.confirm import Confirm
from app.flows.enroll import Enroll
from app.flows.login import Login
from app.flows.manage import Manage
from app.flows.pending import Pending
from app.flows.refresh import Refresh
from app.flows.register import Register
from app.flows.reset import Reset
from app.flows.step_up import StepUp
from app.flows.verify import Verify
from app.tools import Tools
from app.watch import network_limits as of_networks
from app.watch.network_limits import NetworkLimits
from app.wiring.shared import Shared, mailbox_limit


def register(tools: Tools) -> Register:
    rules = tools.settings.registration
    return Register(
        settings=rules,
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        breach_check=BreachCheck(tools.breached),
        fingerprints=tools.fingerprints,
        limit=mailbox_limit(tools, "verification mails", rules.mails),
        letters=tools.letters,
        mails=tools.mails,
        background=tools.background,
    )


def reset(tools: Tools, shared: Shared) -> Reset:
    rules = tools.settings.passwords
    return Reset(
        settings=rules,
        page=tools.settings.reset_page,
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        breach_check=BreachCheck(tools.breached),
        limit=mailbox_limit(tools, "reset mails", rules.reset_mails),
        letters=tools.letters,
        mails=tools.mails,
        background=tools.background,
        ended=shared.ended,
    )


def change_password(tools: Tools, shared: Shared) -> ChangePassword:
    return ChangePassword(
        database=tools.database,
        clock=tools.clock,
        pool=tools.pool,
        passwords=tools.passwords,
        password_attempts=shared.password_attempts,
        breach_check=BreachCheck(tools.breached),
        proof=shared.proof,
        ended=shared.ended,
        account_limits=shared.account_limits,
    )


def login(tools: Tools, shared: Shared) -> Login:
    database, clock, factors = tools.database, tools.clock, tools.factors
    return Login(
        settings=tools.settings.mfa,
        database=database,
        clock=clock,
        pool=tools.pool,
        passwords=tools.passwords,
        password_attempts=shared.password_attempts,
        recognising=shared.recognising,
        admission=shared.admission,
        pending=Pending(
            tools.settings.tokens, database, clock, tools.tokens, factors, tools.states, shared.asking, shared.mailbox
        ),
        at_once=AtOnce(database, factors, shared.judging, shared.completing, shared.admission),
    )


def verify(tools: Tools, shared: Shared) -> Verify:
    return Verify(
        settings=tools.settings.mfa,
        database=tools.database,
        clock=tools.clock,
        factors=tools.factors,
        asking=shared.asking,
        judging=shared.judging,
        obstacles=shared.judging.obstacles,
        completing=shared.completing,
        admission=shared.admission,
    )


def enroll(tools: Tools, shared: Shared) -> Enroll:
    return Enroll(
        settings=tools.settings.mfa,
        brand=tools.settings.brand,
        database=tools.database,
        clock=tools.clock,
        factors=tools.factors,
        states=tools.states,
        proof=shared.proof,
        asking=shared.asking,
        mailbox=shared.mailbox,
        account_limits=shared.account_limits,
    )


def manage(tools: Tools, shared: Shared) -> Manage:
    return Manage(
        settings=tools.settings.mfa,
        database=tools.database,
        clock=tools.clock,
        factors=tools.factors,
        proof=shared.proof,
        farewell=shared.farewell,
        profiles=shared.profiles,
        ended=shared.ended,
        account_limits=shared.account_limits,
    )


def step_up(tools: Tools, shared: Shared) -> StepUp:
    return StepUp(
        settings=tools.settings.mfa,
        refresh_idle=tools.settings.tokens.refresh_idle,
        database=tools.database,
        clock=tools.clock,
        password_attempts=shared.password_attempts,
        tokens=tools.tokens,
        factors=tools.factors,
        asking=shared.asking,
        judging=shared.judging,
        completing=shared.completing,
    )


def confirm(tools: Tools, shared: Shared) -> Confirm:
    return Confirm(
        database=tools.database,
        clock=tools.clock,
        factors=tools.factors,
        states=tools.states,
        judging=shared.judging,
        admission=shared.admission,
        issuing=shared.issuing,
        asking=shared.asking,
        farewell=shared.farewell,
        profiles=shared.profiles,
        ended=shared.ended,
        account_limits=shared.account_limits,
    )


def refresh(tools: Tools, shared: Shared) -> Refresh:
    return Refresh(
        settings=tools.settings.tokens,
        database=tools.database,
        clock=tools.clock,
        refresh_tokens=tools.refresh_tokens,
        admission=shared.admission,
        recognising=shared.recognising,
        revocations=tools.revocations,
    )


def network_limits(tools: Tools) -> NetworkLimits:
    settings = tools.settings
    return of_networks.network_limits(
        settings.limits, mode=settings.network_limits, database=tools.database, vault=tools.vault, clock=tools.clock
    )


def metadata(tools: Tools) -> Metadata:
    reached = {PASSWORD_ONLY, *(tools.factors[kind].acr for kind in tools.factors.usable)}
    return Metadata(
        issuer=tools.settings.tokens.issuer,
        jwks_uri=f"{tools.settings.http.public_url.rstrip('/')}/.well-known/jwks.json",
        acr_values_supported=tuple(acr for acr in (PASSWORD_ONLY, MFA, PHISHING_RESISTANT) if acr in reached),
    )
