"""Well-formed settings that a part of the service cannot work with, a sentence per fault: found before anything starts."""

from collections.abc import Callable, Iterator

from app.clock import SystemClock
from app.crypto.callbacks import read_secret
from app.crypto.keys import KeyRing
from app.factors import KINDS
from app.factors.registry import faults
from app.senders.letters import Letters
from app.senders.smtp_address import read_url
from app.settings import Settings
from app.settings.fixed_codes import refuse_lasting
from app.store.connections import connect
from app.tools import texts
from app.watch.sms_rules import SmsRules

_CLOCK = SystemClock()


def unfit(settings: Settings) -> Iterator[str]:
    """Yield the faults. What is not set is not judged: development makes it, and production is told so anyway."""
    yield from faults(KINDS, settings)
    for read in _readings(settings):
        try:
            read()
        except ValueError as fault:
            yield str(fault)


def _readings(settings: Settings) -> Iterator[Callable[[], object]]:
    """Yield checks; each raises ValueError, with a sentence, for what cannot be used."""
    if settings.secret_keys:
        yield lambda: KeyRing(settings.secret_keys)
    if settings.database.url:
        yield lambda: connect(settings.database)
    if settings.database.owner_url:
        yield lambda: connect(settings.database.of_owner)
    if settings.sms.fallback_webhook_secret:
        yield lambda: read_secret(settings.sms.fallback_webhook_secret)
    if settings.email.smtp_url:
        yield lambda: read_url(settings.email.smtp_url)
        yield lambda: Letters(settings.email.sender, clock=_CLOCK)
    if not settings.in_development:
        yield lambda: refuse_lasting(settings.sms.test_numbers, now=_CLOCK.now())
    yield lambda: SmsRules.of(settings)
    yield lambda: texts(settings)
