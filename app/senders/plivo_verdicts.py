"""Classifies every outcome of Plivo's SDK: sent, surely not sent, or unknown; and the provider well or ill.

The SDK's exceptions carry no status, so their class and text are all there is. What is not listed here is unknown.
"""

import re
import ssl
from dataclasses import dataclass
from datetime import timedelta

from plivo import exceptions as plivo
from requests import exceptions as requests
from urllib3.exceptions import NewConnectionError

from app.messages import Delivery


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a word of ours for logs, never the provider's text. `ill`: the provider, not the message, is at fault.

    `rest`: how long it asked not to be called.
    """

    delivery: Delivery
    reason: str
    ill: bool = False
    provider_id: str | None = None
    rest: timedelta = timedelta(0)

    @property
    def turned_away(self) -> bool:
        """Whether it was surely not sent, by no fault of its own. 429 is about an account: the provider is well."""
        return self.delivery is Delivery.FAILED and (self.ill or self.reason == TOO_MANY)


TOO_MANY = "http_429"


CLASSES: tuple[tuple[type[Exception], Verdict], ...] = (
    (plivo.AuthenticationError, Verdict(Delivery.FAILED, "unauthorized", ill=True)),
    (plivo.ValidationError, Verdict(Delivery.FAILED, "invalid")),
    (plivo.GeoPermissionError, Verdict(Delivery.FAILED, "forbidden")),
    (plivo.ForbiddenError, Verdict(Delivery.FAILED, "forbidden")),
    (plivo.ResourceNotFoundError, Verdict(Delivery.FAILED, "not_found")),
    (plivo.InvalidRequestError, Verdict(Delivery.FAILED, "invalid_request")),
    (plivo.PlivoServerError, Verdict(Delivery.UNKNOWN, "http_500", ill=True)),
    (requests.ConnectTimeout, Verdict(Delivery.FAILED, "not_connected", ill=True)),
    (requests.ReadTimeout, Verdict(Delivery.UNKNOWN, "no_answer", ill=True)),
    (requests.TooManyRedirects, Verdict(Delivery.UNKNOWN, "redirected", ill=True)),
)
REFUSALS = range(400, 500)
LONGEST_NAME = 64


def of_answer(answer: object) -> Verdict:
    """Classify a 2xx: accepted only if Plivo gave the message an id; without one it may still have gone out."""
    names = getattr(answer, "message_uuid", None)
    if isinstance(names, list) and names:
        return Verdict(Delivery.ACCEPTED, "queued", provider_id=str(names[0])[:LONGEST_NAME])
    return Verdict(Delivery.UNKNOWN, "unreadable_answer")


def of_error(error: Exception) -> Verdict:
    for kind, verdict in CLASSES:
        if isinstance(error, kind):
            return verdict
    if isinstance(error, plivo.PlivoRestError):
        return _of_status(str(error))
    if isinstance(error, requests.RequestException):
        return _of_connection(error)
    return Verdict(Delivery.UNKNOWN, "unreadable_answer")


def _of_status(text: str) -> Verdict:
    """Classify by the status in an exception's text: nothing else tells 429, 502, 503 and 504 apart."""
    found = re.match(r"Received status code ([1-9][0-9]{2})\b", text)
    status = int(found[1]) if found else 0
    if status in REFUSALS:
        return Verdict(Delivery.FAILED, f"http_{status}")
    return Verdict(Delivery.UNKNOWN, f"http_{status}", ill=True)


def _of_connection(error: requests.RequestException) -> Verdict:
    """Surely unsent only if the connection was never made: refused, no such host, or a certificate not trusted."""
    reason = getattr(next(iter(error.args), None), "reason", None)
    cause = next(iter(getattr(reason, "args", ())), None)
    if isinstance(reason, NewConnectionError) or isinstance(cause, ssl.SSLCertVerificationError):
        return Verdict(Delivery.FAILED, "not_connected", ill=True)
    return Verdict(Delivery.UNKNOWN, "connection_lost", ill=True)
