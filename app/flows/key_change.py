"""One change of the signing keys, under the lock: what steps back, what steps up in its place, and who is next in line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from app.crypto.signing import SigningKey
from app.events import Event
from app.flows.keys import Keys
from app.store import signing_keys
from app.store.database import Tx
from app.store.signing_keys import KeyState, Role, StoredKey
from app.watch import audit


@dataclass(frozen=True)
class KeyChange:
    """`spares` were made beforehand: no transaction waits while a key is made (law 3)."""

    tx: Tx
    keys: Keys
    at: datetime
    spares: list[SigningKey]
    told: list[tuple[Event, StoredKey]] = field(default_factory=list)

    async def stored(self) -> list[StoredKey]:
        return await signing_keys.all_keys(self.tx)

    async def retire(self, key: StoredKey) -> None:
        await signing_keys.retire(self.tx, key.kid, at=self.at)
        self.told.append((Event.KEY_RETIRED, key))

    async def revoke(self, key: StoredKey) -> None:
        await signing_keys.revoke(self.tx, key.kid, at=self.at)
        self.told.append((Event.KEY_REVOKED, key))

    async def withdraw(self, *keys: StoredKey) -> None:
        if not keys:
            return
        await signing_keys.withdraw(self.tx, [key.kid for key in keys], at=self.at)
        self.told.extend((Event.KEY_WITHDRAWN, key) for key in keys)

    async def complete(self, role: Role) -> None:
        """When nobody signs, the next in line does, or else a new key; and there is always one next in line."""
        standing = {key.state: key for key in await self.stored() if key.role == role}
        current, following = standing.get(KeyState.CURRENT), standing.get(KeyState.NEXT)
        if current is None and following is None:
            await self._add(role, activated_at=self.at)
        elif current is None and following is not None:
            await signing_keys.activate(self.tx, following.kid, at=self.at)
            self.told.append((Event.KEY_ACTIVATED, following))
            following = None
        if following is None:
            await self._add(role, activated_at=None)

    async def _add(self, role: Role, *, activated_at: datetime | None) -> None:
        key = self.spares.pop() if self.spares else SigningKey.new(self.keys.settings.algorithm)
        stored = self.keys.seal(key, role, activated_at=activated_at)
        await signing_keys.add(self.tx, stored)
        self.told.append((Event.KEY_MADE, stored))


@asynccontextmanager
async def changing(keys: Keys, *, spares: list[SigningKey], by: str | None) -> AsyncIterator[KeyChange]:
    """A transaction in which nobody else changes keys; what was done is told once it is committed."""
    async with keys.database.begin() as tx:
        await signing_keys.one_at_a_time(tx)
        change = KeyChange(tx, keys, keys.clock.now(), spares)
        yield change
    for event, key in change.told:
        audit.note(event, kid=key.kid[:8], role=key.role, alg=key.alg, by=by)
