"""The signing keys of this installation: opened at start, made once by whoever is first."""

from dataclasses import dataclass

from app.clock import Clock
from app.crypto.signing import KeySet, SigningKey
from app.crypto.vault import CannotOpen, Place, Vault
from app.events import Event
from app.store import signing_keys
from app.store.database import Database, Tx
from app.store.signing_keys import StoredKey
from app.watch import audit

_ROLES = ("access", "internal")


class KeysUnreadable(Exception):  # noqa: N818  named as the state it tells of
    """The signing keys were sealed under a key that GATEHOUSE_SECRET_KEYS no longer holds."""


@dataclass(frozen=True)
class Keys:
    database: Database
    clock: Clock
    vault: Vault

    async def __call__(self) -> KeySet:
        """Raises KeysUnreadable: nothing may start then, or every token alive would silently be worth nothing."""
        async with self.database.begin() as tx:
            found = await self._open(tx)
            if set(found) != set(_ROLES):
                await signing_keys.one_at_a_time(tx)
                found = await self._open(tx)
                for role in sorted(set(_ROLES) - set(found)):
                    found[role] = await self._make(tx, role)
        return KeySet(access=found["access"], internal=found["internal"])

    async def _open(self, tx: Tx) -> dict[str, SigningKey]:
        try:
            return {
                key.role: SigningKey.from_der(self.vault.open(key.private, place=_place(key.kid)))
                for key in await signing_keys.all_keys(tx)
            }
        except CannotOpen:
            audit.note(Event.CANNOT_OPEN, table="signing_keys")
            raise KeysUnreadable(
                "The signing keys in the database were sealed under another key: "
                "put the key that sealed them back into GATEHOUSE_SECRET_KEYS."
            ) from None

    def reseal(self, key: StoredKey) -> bytes:
        """The private half under the newest key. Raises CannotOpen."""
        return self.vault.reseal(key.private, place=_place(key.kid))

    async def _make(self, tx: Tx, role: str) -> SigningKey:
        key = SigningKey.new()
        sealed = self.vault.seal(key.to_der(), place=_place(key.kid))
        await signing_keys.add(tx, StoredKey(key.kid, role, key.alg, sealed, self.clock.now()))
        return key


def _place(kid: str) -> Place:
    return Place("signing_keys", "private", kid)
