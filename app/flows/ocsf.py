"""An event in the words of the Open Cybersecurity Schema Framework 1.1.0; what it has no word for is in `unmapped`.

docs/events.md has the table. The link's number is `metadata.sequence`, so that a gap shows.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.store.audit import StoredEvent
from app.store.audit_chain import Link
from app.watch.event_catalogue import OTHER, Entry, OcsfClass, Severity, find

SCHEMA = "1.1.0"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SUCCESS, _FAILURE = 1, 2
_USER, _ADMIN, _SYSTEM = 1, 2, 3
_PRODUCT = "Gatehouse"
_HERE = {"name": "gatehouse"}
_UNKNOWN_USER = {"name": "unknown", "type_id": 0}
_UNKNOWN = Entry(OcsfClass.API_ACTIVITY, OTHER, Severity.INFORMATIONAL)
Opened = Mapping[UUID, Mapping[str, str]]


def written(link: Link, event: StoredEvent, opened: Opened | None, version: str) -> dict[str, Any]:
    """*opened*: the personal fields that could be opened; None: they are not to be told."""
    entry = find(event.event) or _UNKNOWN
    facts = dict(event.facts)
    actor = _actor(event, facts.pop("by", None))
    told = {
        "class_uid": int(entry.ocsf),
        "category_uid": entry.ocsf // 1000,
        "activity_id": entry.activity,
        "activity_name": event.event,
        "type_uid": entry.ocsf * 100 + entry.activity,
        "severity_id": int(entry.severity),
        "status_id": _FAILURE if entry.failed else _SUCCESS,
        "time": _millis(event.at),
        "metadata": _metadata(link, event, version),
        "actor": actor,
    }
    personal = opened.get(event.id) if opened is not None else None
    told["src_endpoint"] = _source(event, personal, withheld=opened is None)
    if personal and personal.get("agent"):
        told["http_request"] = {"user_agent": personal["agent"]}
    return told | _of_class(entry.ocsf, event) | {"unmapped": _unmapped(link, event, facts)}


def _of_class(ocsf: OcsfClass, event: StoredEvent) -> dict[str, Any]:
    """What the class demands besides."""
    if ocsf is OcsfClass.API_ACTIVITY:
        return {"api": {"operation": event.event, "service": {"name": _PRODUCT}}, **_resources(event)}
    user = {"uid": str(event.user_id), "type_id": _USER} if event.user_id else _UNKNOWN_USER
    if ocsf is OcsfClass.ACCOUNT_CHANGE:
        return {"user": user}
    session = {"session": {"uid": str(event.session_id)}} if event.session_id else {}
    return {"service": {"name": _PRODUCT}, "user": user, **session}


def _resources(event: StoredEvent) -> dict[str, Any]:
    return {"resources": [{"uid": str(event.user_id), "type": "user"}]} if event.user_id else {}


def _actor(event: StoredEvent, by: str | None) -> dict[str, Any]:
    """An operator, if one is named; or the user; or, in what comes from nowhere, the service itself."""
    session = {"session": {"uid": str(event.session_id)}} if event.session_id else {}
    if by is not None:
        return {"user": {"name": by, "type_id": _ADMIN}}
    if event.user_id:
        return {"user": {"uid": str(event.user_id), "type_id": _USER}, **session}
    return {"user": _UNKNOWN_USER if event.personal else {**_HERE, "type_id": _SYSTEM}, **session}


def _source(event: StoredEvent, personal: Mapping[str, str] | None, *, withheld: bool) -> dict[str, str]:
    """Where it came from; a word in its place for what is not told, or was erased with its user."""
    if event.personal is None:
        return _HERE
    if personal is None:
        return {"name": "withheld" if withheld else "erased"}
    address = personal.get("network_address")
    return {"ip": address} if address else {"name": "unknown"}


def _metadata(link: Link, event: StoredEvent, version: str) -> dict[str, Any]:
    product = {"name": _PRODUCT, "vendor_name": _PRODUCT, "version": version}
    told: dict[str, Any] = {"version": SCHEMA, "product": product, "uid": str(event.id), "sequence": link.seq}
    told |= {"event_code": event.event, "log_name": "audit", "logged_time": _millis(event.written_at)}
    return told | ({"correlation_uid": event.request_id} if event.request_id else {})


def _unmapped(link: Link, event: StoredEvent, facts: Mapping[str, str]) -> dict[str, Any]:
    """`mac` and `link` are the proofs, in hex: who keeps them can compare."""
    return {"event": event.event, "facts": facts, "mac": event.mac.hex(), "seq": link.seq, "link": link.link.hex()}


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND
