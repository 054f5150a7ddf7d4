"""Whether this installation is fit: its settings and its machine. Each check says what it found, and what to do about it."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from app.crypto import calibration
from app.crypto.pool import share
from app.flows.hashing import yields
from app.senders.smtp_address import read_url
from app.settings import Settings
from app.settings.near import is_loopback
from app.settings.unknown import unread

_SLOW_HASH = timedelta(seconds=1)


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: State
    says: str


def ok(name: str, says: str) -> Check:
    return Check(name, State.OK, says)


def warn(name: str, says: str) -> Check:
    return Check(name, State.WARN, says)


def fail(name: str, says: str) -> Check:
    return Check(name, State.FAIL, says)


def of_settings(settings: Settings) -> Iterator[Check]:
    """What loads and can work, and is still not what production wants."""
    if settings.in_development:
        yield warn("settings", "GATEHOUSE_ENVIRONMENT=development: nothing here is safe enough for anybody's data.")
        return
    unsafe = list(_unsafe(settings))
    yield from (warn("settings", says) for says in unsafe)
    if not unsafe:
        yield ok("settings", "They load, and none of them is unsafe.")
    yield _of_proxies(settings)


def _unsafe(settings: Settings) -> Iterator[str]:
    if settings.database.tls_mode != "verify-full" and not settings.database.is_near:
        yield "GATEHOUSE_DATABASE__TLS is not verify-full: whoever stands in between can pose as the database."
    if settings.email.smtp_url and read_url(settings.email.smtp_url).may_be_read:
        yield "GATEHOUSE_EMAIL__SMTP_URL has starttls=optional: whoever stands in between can read mails and use their links."
    if settings.logs.level == "DEBUG":
        yield "GATEHOUSE_LOGS__LEVEL=DEBUG fills logs: set INFO."
    if settings.http.docs:
        yield "GATEHOUSE_HTTP__DOCS shows the documentation to everybody: leave it unset unless they may see it."
    for name in _only_recorded(settings):
        yield f"GATEHOUSE_{name} only records: nobody is refused by it. Set enforce."
    if settings.sms.test_numbers:
        yield "GATEHOUSE_SMS__TEST_NUMBERS: their codes are known to whoever reads the settings. Remove them after the review."
    if settings.sms.plivo_auth_id and not settings.sms.budget:
        yield "GATEHOUSE_SMS__BUDGET is not set: what SMS may cost is bounded by their number alone."
    if settings.metrics.port and not settings.metrics.token and not is_loopback(settings.metrics.host):
        yield "GATEHOUSE_METRICS__HOST is not loopback: set GATEHOUSE_METRICS__TOKEN, or keep the port inside."


def of_names(variables: Iterable[str]) -> Iterator[Check]:
    """A name that is written wrongly sets nothing, and nothing else would say so."""
    for name in unread(variables, Settings):
        yield warn("settings", f"{name} is no setting, and nothing reads it: groups are followed by two underscores.")


def _only_recorded(settings: Settings) -> list[str]:
    modes = {
        "LIMITS__LOGIN": settings.limits.login,
        "LIMITS__NETWORK": settings.network_limits,
        "LIMITS__MAILS": settings.limits.mails,
        "SMS_LIMITS__MODE": settings.sms_limits_mode,
    }
    return [name for name, mode in modes.items() if mode == "record_only"]


def _of_proxies(settings: Settings) -> Check:
    if settings.http.trusted_proxies:
        return ok("proxies", f"X-Forwarded-For is believed from {', '.join(settings.http.trusted_proxies)}.")
    return warn(
        "proxies",
        "GATEHOUSE_HTTP__TRUSTED_PROXIES is not set: behind a proxy everybody comes from its address, and the limits of"
        " a network hit all of them together. Name the proxy's network.",
    )


def of_machine(settings: Settings) -> Iterator[Check]:
    """Cores against workers, and how long a password takes."""
    cores, workers = os.cpu_count() or 1, settings.workers
    if workers > cores:
        yield warn("workers", f"{workers} workers share {cores} cores: set GATEHOUSE_WORKERS={cores} or less.")
    else:
        yield ok("workers", f"{workers} of {cores} cores' worth.")
    rules = settings.passwords
    cost = calibration.measure(rules.memory_kib, rules.time_cost, rules.parallelism)
    threads = workers * share(threads=rules.threads, workers=workers)
    says = f"{cost.seconds * 1000:.0f} ms a password; {yields(cost, min(threads, cores), rules.parallelism)}"
    if cost.seconds > _SLOW_HASH.total_seconds():
        yield warn("hashing", f"{says} That is long: `gatehouse calibrate` finds settings for this machine.")
    else:
        yield ok("hashing", says)
