"""The keys of the audit log, opened: the service's own (the house's), and those this process made lately for users.

A process looks up no user's key. It makes one of its own, and reuses it for some minutes: so writing events costs one
statement, whether their user is known or not (law 7), and erasing a user means deleting all their keys.
"""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from app.clock import Clock
from app.crypto.audit import HOUSE_ID, AuditKey
from app.crypto.chance import new_id
from app.crypto.vault import CannotOpen, Place, Vault
from app.events import Event
from app.store import audit_keys
from app.store.audit import StoredEvent
from app.store.audit_keys import StoredAuditKey
from app.store.database import Database
from app.watch import audit

_KEPT = 600.0
_MOST = 4096


class AuditKeyUnreadable(Exception):  # noqa: N818  named as the state it tells of
    """The key of the audit log was sealed under a key that GATEHOUSE_SECRET_KEYS does not hold."""

    def __init__(self) -> None:
        super().__init__(
            "The key of the audit log was sealed under another key: "
            "put the key that sealed it back into GATEHOUSE_SECRET_KEYS."
        )


class AuditKeys:
    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._house: AuditKey | None = None
        self._of_users: dict[UUID, tuple[AuditKey, float]] = {}

    async def house(self) -> AuditKey:
        """The service's own key, made by the first caller. Raises AuditKeyUnreadable."""
        if self._house is None:
            new = self.seal(AuditKey.new(HOUSE_ID), None)
            async with self._database.read() as tx:
                stored = await audit_keys.find(tx, HOUSE_ID)
                if stored is None:
                    await audit_keys.add(tx, new)
                    stored = await audit_keys.find(tx, HOUSE_ID)
            self._house = self.open(stored) if stored else None
        if self._house is None:
            raise AuditKeyUnreadable
        return self._house

    async def stored_house(self) -> AuditKey | None:
        """The service's own key, if there is one: who only reads the log makes none. Raises AuditKeyUnreadable."""
        async with self._database.read() as tx:
            stored = await audit_keys.find(tx, HOUSE_ID)
        return await self.house() if stored else None

    async def those(self, key_ids: Iterable[UUID]) -> dict[UUID, AuditKey]:
        """Those of *key_ids*, the keys of personal fields, that still exist and can be opened."""
        async with self._database.read() as tx:
            stored = await audit_keys.find_all(tx, set(key_ids))
        opened = (self.open(key) for key in stored)
        return {key.id: key for key in opened if key}

    async def opened(self, events: Iterable[StoredEvent]) -> dict[UUID, dict[str, str]]:
        """The personal fields of *events* that can still be opened, by the event's id."""
        sealed = [(event.id, event.key_id, event.personal) for event in events if event.key_id and event.personal]
        keys = await self.those(key_id for _, key_id, _ in sealed) if sealed else {}
        found = ((id_, keys[key_id].open(personal, event_id=id_)) for id_, key_id, personal in sealed if key_id in keys)
        return {id_: personal for id_, personal in found if personal is not None}

    def of_user(self, user_id: UUID) -> AuditKey | None:
        """The user's key that this process made lately and remembers, if there is one."""
        key, until = self._of_users.get(user_id, (None, 0.0))
        return key if self._clock.elapsed() < until else None

    def new(self) -> AuditKey:
        """Make a key, not stored yet: what it sealed is readable once it is stored."""
        return AuditKey.new(new_id(self._clock.now()))

    def remember(self, user_id: UUID, key: AuditKey) -> None:
        """Cache a key that is stored, or never will be, since the user is gone: either way it is reused for a while."""
        self._of_users.pop(user_id, None)
        self._of_users[user_id] = (key, self._clock.elapsed() + _KEPT)
        if len(self._of_users) > _MOST:
            del self._of_users[next(iter(self._of_users))]

    def seal(self, key: AuditKey, user_id: UUID | None) -> StoredAuditKey:
        sealed = self._vault.seal(key.secret, place=_place(key.id))
        return StoredAuditKey(key.id, user_id, sealed, self._clock.now())

    def open(self, stored: StoredAuditKey) -> AuditKey | None:
        with suppress(CannotOpen):
            return AuditKey(stored.id, self._vault.open(stored.key, place=_place(stored.id)))
        audit.note(Event.CANNOT_OPEN, table="audit_keys", row=stored.id)
        return None

    def opens(self, stored: StoredAuditKey) -> bool:
        """Whether the stored key can be opened; unlike `open`, this notes no event."""
        with suppress(CannotOpen):
            return bool(self._vault.open(stored.key, place=_place(stored.id)))
        return False


def reseal(vault: Vault, stored: StoredAuditKey) -> bytes:
    """The same key, sealed under the newest key of the ring. Raises CannotOpen."""
    return vault.reseal(stored.key, place=_place(stored.id))


def _place(key_id: UUID) -> Place:
    return Place("audit_keys", "key", key_id)
