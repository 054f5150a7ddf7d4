"""All metrics for Prometheus, each defined here once.

Law: no label says who: each has few values, and all of them are words of ours (routes, limits, events, regions).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from app.events import Event
from app.messages import Delivery

NAMESPACE: Final = "gatehouse"
_QUICK = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SIGNING_IN = frozenset({"/login", "/verify-otp"})


def _counter(name: str, says: str, *labels: str) -> Counter:
    return Counter(name, says, labels, namespace=NAMESPACE)


def _histogram(name: str, says: str, *labels: str, buckets: tuple[float, ...] = _QUICK) -> Histogram:
    return Histogram(name, says, labels, namespace=NAMESPACE, buckets=buckets)


def _sum(name: str, says: str, *labels: str) -> Gauge:
    """A gauge whose value is the sum over all live workers."""
    return Gauge(name, says, labels, namespace=NAMESPACE, multiprocess_mode="livesum")


def _worst(name: str, says: str, *labels: str) -> Gauge:
    """A gauge whose value is the greatest of all live workers."""
    return Gauge(name, says, labels, namespace=NAMESPACE, multiprocess_mode="livemax")


def _last(name: str, says: str, *labels: str) -> Gauge:
    """A gauge of something that all workers share: the value that was set last."""
    return Gauge(name, says, labels, namespace=NAMESPACE, multiprocess_mode="livemostrecent")


EVENTS = _counter("events", "Security events, by the names of the audit log.", "event")
SIGN_INS = _counter("sign_ins", "Sign-ins: `signed_in`, or the code of the problem that refused a step.", "outcome")
FACTORS = _counter(
    "factor_steps",
    "Codes `sent`, `failed`, `delivered`, `undelivered`; answers `verified`, `refused`.",
    "factor",
    "step",
)
REQUESTS = _counter("http_requests", "Requests answered.", "method", "route", "status")
REQUEST_SECONDS = _histogram("http_request_seconds", "From the headers of a request to its answer.", "method", "route")

HASHES_HELD = _sum("hashing_jobs", "Passwords being hashed, or waiting for it.")
HASH_WAIT = _histogram("hashing_wait_seconds", "How long a password waited for a hashing thread.")
HASH_SECONDS = _histogram("hashing_seconds", "How long a password was hashed.")
HASHES_REFUSED = _counter("hashing_rejections", "Requests refused because too many passwords waited (503).")

SMS_SPEND = _counter("sms_spend_millionths", "Price of SMS sent, in millionths of your currency.", "region")
SMS_VERDICTS = _counter("sms_verdicts", "What the SMS firewall decided: `sent`, or what refused it.", "verdict")
LIMITS = _counter("limit_exceeded", "What was beyond a limit, refused or only recorded.", "limit", "mode")
CIRCUIT = _worst("sms_circuit_open", "1 while a sender is not asked because it is ill.", "sender")

FEED_READ = Gauge(
    "revocation_feed_read_timestamp_seconds",
    "When the worker that is furthest behind last read the revocation feed.",
    namespace=NAMESPACE,
    multiprocess_mode="livemin",
)
FEED_LAG = _histogram("revocation_lag_seconds", "From the end of a session until a worker knew of it.", buckets=_SLOW)
FEED_STALE = _counter("revocation_feed_stale", "Requests refused because the feed was stale (503).")

KEY_ACTIVATED = _last("signing_key_activated_timestamp_seconds", "Since when the current signing key signs.")
KEY_DUE = _last("signing_key_rotation_timestamp_seconds", "When it is to be rotated; +Inf: never by itself.")
RING_KEYS = _last("secret_keys", "Keys on the ring of GATEHOUSE_SECRET_KEYS; more than one: a turn is under way.")

CONNECTIONS = _sum("database_connections_in_use", "Connections of the pools that are in use.")
CONNECTIONS_MOST = _sum("database_connections_limit", "Connections that the pools may hold.")
DATABASE_FAILURES = _counter("database_failures", "Times that the database was unavailable.", "error")
OUTBOX = _last("outbox_notices", "Security notices that are not yet sent; it is counted up to 10 000.")
OUTBOX_AGE = _last("outbox_oldest_seconds", "Age of the oldest of them.")
UNSEALED_AGE = _last("audit_unsealed_seconds", "Age of the oldest event that is not in the chain of the audit log yet.")
UNVOUCHED_AGE = _last(
    "audit_unvouched_seconds", "Age of the oldest link of that chain that no checkpoint vouches for yet."
)
MAILS_WAITING = _sum("mail_queue_mails", "Mails that wait in memory.")

_STEPS = ("sent", "failed", "delivered", "undelivered", "verified", "refused")


def begin(*, regions: Iterable[str] = ()) -> None:
    """Create series with few labels at 0: one that begins with its first burst is no increase to Prometheus."""
    for one in Event:
        EVENTS.labels(one.value)
    for step in _STEPS:
        FACTORS.labels("sms", step)
    for region in regions:
        SMS_SPEND.labels(region)


_requests: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
"""A cache, as looking labels up takes longer than counting."""


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer: *route* is its template, never a path."""
    key = (method if method in _METHODS else "other", route, status)
    if key not in _requests:
        _requests[key] = (REQUESTS.labels(*key), REQUEST_SECONDS.labels(*key[:2]))
    counter, histogram = _requests[key]
    counter.inc()
    histogram.observe(seconds)


def refusal(route: str, problem: str) -> None:
    """Count a sign-in step that was refused with *problem*, a code of the catalogue."""
    if route in _SIGNING_IN:
        SIGN_INS.labels(problem).inc()


def event(happened: Event, facts: Mapping[str, object]) -> None:
    """Count a security event, and what it says of sign-ins, factors and limits."""
    times = facts.get("times", 1)
    EVENTS.labels(happened.value).inc(times if isinstance(times, int) else 1)
    if happened is Event.SIGNED_IN:
        SIGN_INS.labels("signed_in").inc()
    if happened is Event.LIMIT_EXCEEDED:
        LIMITS.labels(str(facts.get("limit")), str(facts.get("mode"))).inc()
    if step := _step(happened, facts):
        FACTORS.labels(str(facts.get("factor") or facts.get("channel") or "sms"), step).inc()


_VERIFIED = {Event.SIGNED_IN, Event.SESSION_STEPPED_UP, Event.FACTOR_CONFIRMED}
_REFUSED = {Event.CODE_REFUSED, Event.FACTOR_REFUSED}
_REPORTED = {Delivery.DELIVERED, Delivery.UNDELIVERED}


def _step(happened: Event, facts: Mapping[str, object]) -> str | None:
    """The step of a factor that the event stands for; messages sent have no factor, only a channel."""
    if happened is Event.MESSAGE_SENT:
        return "failed" if facts.get("delivery") == Delivery.FAILED else "sent"
    if happened is Event.DELIVERY_REPORTED:
        return str(facts["delivery"]) if facts.get("delivery") in _REPORTED else None
    if facts.get("factor") is None:
        return None
    if happened in _VERIFIED:
        return "verified"
    return "refused" if happened in _REFUSED else None


def sms_verdict(refused_by: str | None) -> None:
    """Count a verdict; all blocks share one label, since each is named by its region or prefix."""
    verdict = "block" if refused_by and refused_by.startswith("block ") else refused_by
    SMS_VERDICTS.labels(verdict or "sent").inc()


def circuit(sender: str, is_open: bool) -> None:
    CIRCUIT.labels(sender).set(is_open)


class Hashing:
    """Metrics of the hashing pool, which calls these from any thread."""

    def taken(self) -> None:
        HASHES_HELD.inc()

    def left(self) -> None:
        HASHES_HELD.dec()

    def done(self, *, waited: float, took: float) -> None:
        HASH_WAIT.observe(waited)
        HASH_SECONDS.observe(took)

    def refused(self) -> None:
        HASHES_REFUSED.inc()
