"""One's own security events: what happened to the account, in pages, the newest first.

Law: only what `watch.event_catalogue` names is shown; a cursor only says where to go on in one's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from uuid import UUID

from app.crypto import base64url
from app.crypto.claims import AccessClaims
from app.flows.answers.security_events import SecurityEvent, SecurityEventHeld, SecurityEventList
from app.store import audit
from app.store.audit import Cursor, StoredEvent
from app.store.database import Database
from app.user_agents import describe
from app.visitor import Visitor
from app.watch.audit_keys import AuditKeys
from app.watch.event_catalogue import SHOWN, find

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME_BYTES = 8
_PAGE, _MOST_HELD = 500, 10_000
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class SecurityEvents:
    database: Database
    keys: AuditKeys

    async def __call__(self, who: AccessClaims, *, cursor: str | None, limit: int) -> SecurityEventList:
        """Raises ValueError for a cursor that is none."""
        before = read_cursor(cursor) if cursor else None
        async with self.database.read() as tx:
            found = await audit.of_user(tx, who.sub, before=before, most=limit + 1, events=SHOWN)
        page = found[:limit]
        personal = await self.keys.opened(page)
        items = [_entry(event, personal.get(event.id, _NOTHING)) for event in page]
        return SecurityEventList(items=items, next_cursor=_cursor(page[-1]) if len(found) > limit else None)

    async def held(self, user_id: UUID) -> tuple[list[SecurityEventHeld], bool]:
        """All that is held, oldest first, and whether that is really all: no more than ten thousand, the newest."""
        found, page = list[SecurityEventHeld](), list[StoredEvent]()
        while len(found) < _MOST_HELD:
            before = Cursor(page[-1].at, page[-1].id) if page else None
            async with self.database.read() as tx:
                page = await audit.of_user(tx, user_id, before=before, most=_PAGE)
            found += await self._held(page)
            if len(page) < _PAGE:
                return found[::-1], True
        return found[::-1], False

    async def _held(self, page: Sequence[StoredEvent]) -> list[SecurityEventHeld]:
        personal = await self.keys.opened(page)
        return [_row(event, personal.get(event.id, _NOTHING)) for event in page]


def read_cursor(text: str) -> Cursor:
    """Raises ValueError for what is no cursor."""
    raw = base64url.decode(text)
    try:
        at = _EPOCH + int.from_bytes(raw[:_TIME_BYTES], "big") * _MICROSECOND
    except OverflowError:
        raise ValueError("no time") from None
    return Cursor(at, UUID(bytes=raw[_TIME_BYTES:]))


def _cursor(last: StoredEvent) -> str:
    micros = (last.at - _EPOCH) // _MICROSECOND
    return base64url.encode(micros.to_bytes(_TIME_BYTES, "big") + last.id.bytes)


def _entry(event: StoredEvent, personal: Mapping[str, str]) -> SecurityEvent:
    return SecurityEvent(
        id=event.id,
        at=event.at,
        event=event.event,
        session_id=event.session_id,
        network=_network(personal.get("network_address", "")),
        device=describe(personal.get("agent", "")),
        facts=_shown(event),
    )


def _row(event: StoredEvent, personal: Mapping[str, str]) -> SecurityEventHeld:
    return SecurityEventHeld(
        id=event.id,
        at=event.at,
        event=event.event,
        session_id=event.session_id,
        network_address=personal.get("network_address") or None,
        agent=personal.get("agent") or None,
        facts=_shown(event),
    )


def _network(address: str) -> str | None:
    return Visitor(ip_address(address), "").network if address else None


def _shown(event: StoredEvent) -> dict[str, str]:
    entry = find(event.event)
    names = entry.shown if entry and entry.shown else ()
    return {name: event.facts[name] for name in names if name in event.facts}
