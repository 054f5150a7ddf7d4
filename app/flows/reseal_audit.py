"""Put the keys of the audit log under the newest key of the ring: the house's own, and those of users. No row of the log changes."""

from dataclasses import dataclass
from uuid import UUID

from app.crypto.vault import CannotOpen, Vault
from app.events import Event
from app.store import audit_keys
from app.store.audit_keys import StoredAuditKey
from app.store.database import Database
from app.watch import audit
from app.watch.audit_keys import reseal

_BEFORE_ALL: UUID | None = None


@dataclass(frozen=True, slots=True)
class Turned:
    """`left`: keys that changed or went meanwhile, to be looked at again."""

    resealed: int = 0
    cannot_open: frozenset[str] = frozenset()
    left: int = 0


@dataclass(frozen=True)
class ResealAudit:
    database: Database
    vault: Vault
    batch: int

    async def __call__(self) -> Turned:
        total, after = Turned(), _BEFORE_ALL
        while rows := await self._next(after):
            found = await self._turn(rows)
            total = Turned(
                total.resealed + found.resealed, total.cannot_open | found.cannot_open, total.left + found.left
            )
            after = rows[-1].id
        return total

    async def _next(self, after: UUID | None) -> list[StoredAuditKey]:
        async with self.database.read() as tx:
            return await audit_keys.under_older(tx, head=self.vault.head, after=after, most=self.batch)

    async def _turn(self, rows: list[StoredAuditKey]) -> Turned:
        olds, keys, unreadable = [], [], set()
        for row in rows:
            try:
                keys.append(reseal(self.vault, row))
                olds.append(row)
            except CannotOpen:
                audit.note(Event.CANNOT_OPEN, table="audit_keys", row=row.id)
                unreadable.add(str(row.id))
        async with self.database.read() as tx:
            written = await audit_keys.renew(tx, olds, keys)
        return Turned(written, frozenset(unreadable), len(olds) - written)
