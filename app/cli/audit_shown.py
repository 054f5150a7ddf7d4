"""How security events are printed: a table for people, one JSON object a line for programs.

Law: what somebody sent is printed as it was, on one line, with unprintable characters escaped: it moves no cursor.
"""

import json
from typing import Any

from app.cli.printed import printable
from app.flows.audit_reading import Read
from app.user_agents import describe

_LINE = "{:<21}{:<28}{:<30}{:<18}{:<24}{}"
HEAD = _LINE.format("at (UTC)", "event", "user", "address", "device", "facts")


def line(read: Read) -> str:
    event, personal = read.event, read.personal or {}
    who = read.email or (str(event.user_id) if event.user_id else "-")
    gone = "erased" if event.personal and read.personal is None else "-"
    address = personal.get("network_address") or gone
    device = describe(personal.get("agent", "")) or "-"
    facts = " ".join(f"{name}={fact}" for name, fact in sorted(event.facts.items()))
    shown = (f"{event.at:%Y-%m-%d %H:%M:%S}", event.event, who, address, device, facts)
    return printable(
        _LINE.format(*(_apart(text, width) for text, width in zip(shown, (20, 27, 29, 17, 23, 0), strict=True)))
    ).rstrip()


def _apart(text: str, width: int) -> str:
    """Add a blank to a text that is too long for its column: it pushes the next ones on, but never touches them."""
    return f"{text} " if width and len(text) > width else text


def as_json(read: Read) -> str:
    """Return one JSON object, ASCII only."""
    event, personal = read.event, read.personal or {}
    told: dict[str, Any] = {"id": str(event.id), "at": event.at.isoformat(), "event": event.event}
    told |= {"user_id": _id(event.user_id), "email": read.email, "session_id": _id(event.session_id)}
    told |= {"request_id": event.request_id, "network_address": personal.get("network_address") or None}
    told |= {"agent": personal.get("agent") or None, "facts": dict(event.facts)}
    return json.dumps(told)


def _id(value: object) -> str | None:
    return str(value) if value else None
