"""Plivo's receipts: signed over the address that the message was sent with, by another implementation than the service's."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlencode
from uuid import uuid4

from tests.standins.plivo import AUTH_TOKEN, PlivoStandIn

_nonces = count(31627761595286130198)
FORM = "application/x-www-form-urlencoded"


@dataclass
class Receipt:
    """One call of Plivo's. What is changed after `headers()` were taken is not signed any more."""

    address: str
    fields: list[tuple[str, str]]
    nonce: str = field(default_factory=lambda: str(next(_nonces)))
    token: str = AUTH_TOKEN

    def signature(self, version: str) -> str:
        told = "".join(f"{name}{value}" for name, value in sorted(self.fields))
        v3 = f"{self.address}?{told}.{self.nonce}" if told else f"{self.address}.{self.nonce}"
        text = v3 if version == "V3" else self.address + self.nonce
        digest = hmac.new(self.token.encode(), text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def headers(self, *versions: str, main: bool = False) -> dict[str, str]:
        """Of these families: V3 alone when none is named. *main*: signed by the main account only."""
        found = {"Content-Type": FORM}
        for version in versions or ("V3",):
            found[f"X-Plivo-Signature-{'Ma-' if main else ''}{version}"] = self.signature(version)
            found[f"X-Plivo-Signature-{version}-Nonce"] = self.nonce
        return found

    def body(self) -> bytes:
        return urlencode(self.fields).encode()


def fields(status: str, *, message: str = "", error: str = "", **more: str) -> list[tuple[str, str]]:
    """What Plivo says of a message, as its documentation shows it."""
    found = {
        "MessageUUID": message or str(uuid4()),
        "From": "12025550100",
        "To": "12025550123",
        "Type": "sms",
        "Status": status,
        "Units": "1",
        "TotalRate": "0.00250",
        "TotalAmount": "0.00250",
        "MCC": "310",
        "MNC": "004",
        "PartInfo": "1 of 1",
        "Sequence": "1",
        "MessageTime": "2030-01-02 03:04:05.678901",
        "requester_ip": "198.51.100.7",
        "PowerpackUUID": "",
    }
    return list((found | ({"ErrorCode": error} if error else {}) | more).items())


def address_of(plivo: PlivoStandIn, nth: int = -1) -> str:
    """Where the receipts of a message go, as Plivo was told."""
    address: str = plivo.requests[nth].body["url"]
    return address


def replaced(pairs: Sequence[tuple[str, str]], **changes: str | None) -> list[tuple[str, str]]:
    """The same fields, some with another value, some (None) left out."""
    kept: Iterable[tuple[str, str | None]] = ((name, changes.get(name, value)) for name, value in pairs)
    return [(name, value) for name, value in kept if value is not None]
