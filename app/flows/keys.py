"""The signing keys as they are stored: opened once, and put into the set that tokens are signed and read with."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.clock import Clock
from app.crypto.signing import KeySet, SigningKey
from app.crypto.vault import CannotOpen, Place, Vault
from app.events import Event
from app.settings.groups import TokenSettings
from app.store import signing_keys
from app.store.database import Database
from app.store.signing_keys import KeyState, Role, StoredKey
from app.watch import audit

JWKS_MAX_AGE = timedelta(seconds=300)
"""How long others may keep the published keys; and how much longer than its last token's life a retired key is published."""


class KeysUnreadable(Exception):  # noqa: N818  named as the state it tells of
    """The signing keys were sealed under a key that GATEHOUSE_SECRET_KEYS does not hold."""

    def __init__(self) -> None:
        super().__init__(
            "The signing keys in the database were sealed under another key: "
            "put the key that sealed them back into GATEHOUSE_SECRET_KEYS."
        )


class KeysMissing(Exception):  # noqa: N818  named as the state it tells of
    """There is no key to sign with."""

    def __init__(self) -> None:
        super().__init__("There are no signing keys in the database: `gatehouse serve` makes them when it starts.")


@dataclass(frozen=True)
class Keys:
    """`opened` holds the private halves that are in use, so that each is opened once; of those `unreadable` each is told once."""

    settings: TokenSettings
    database: Database
    clock: Clock
    vault: Vault
    opened: dict[str, SigningKey] = field(default_factory=dict, repr=False)
    unreadable: set[str] = field(default_factory=set)

    async def __call__(self) -> KeySet:
        """The keys of this moment. Raises KeysUnreadable, KeysMissing."""
        return await self.key_set(await self.stored())

    async def stored(self) -> list[StoredKey]:
        """All of them, over the connection that no storm of requests can take."""
        async with self.database.spare() as tx:
            return await signing_keys.all_keys(tx)

    async def key_set(self, stored: Sequence[StoredKey]) -> KeySet:
        """What cannot be opened is left out, but for the keys that sign: then it is KeysUnreadable."""
        unreadable = await self._open_new(stored)
        readable = [key for key in stored if key.kid in self.opened]

        def those(role: Role, *states: KeyState) -> tuple[SigningKey, ...]:
            return tuple(self.opened[key.kid] for key in readable if key.role == role and key.state in states)

        access, internal = (those(role, KeyState.CURRENT) for role in (Role.ACCESS, Role.INTERNAL))
        if not access or not internal:
            raise KeysUnreadable if unreadable else KeysMissing
        return KeySet(
            access=access[0],
            internal=internal[0],
            next=next(iter(those(Role.ACCESS, KeyState.NEXT)), None),
            retired=those(Role.ACCESS, KeyState.RETIRED),
            other_internal=those(Role.INTERNAL, KeyState.NEXT, KeyState.RETIRED),
        )

    async def that_signed(self) -> tuple[SigningKey, ...]:
        """Every access key that is still whole, for proving what was signed before; one without a public half is none."""
        stored = await self.stored()
        await self._open_new(stored)
        return tuple(self.opened[key.kid] for key in stored if key.role == Role.ACCESS and key.kid in self.opened)

    def is_held(self, key: StoredKey) -> bool:
        """Whether a token under *key* may be good; if not, its private half is deleted, or about to be."""
        until = self.good_until(key)
        return bool(key.private) and (until is None or until > self.clock.now())

    def good_until(self, key: StoredKey) -> datetime | None:
        """When nothing that *key* signed can live any more; None while it has not retired."""
        if key.retired_at is None:
            return None
        life = self.settings.access_life if key.role == Role.ACCESS else self.settings.pending_life
        return key.retired_at + life + JWKS_MAX_AGE

    async def refuse_unreadable(self, stored: Sequence[StoredKey]) -> None:
        """Raises KeysUnreadable: nothing may start then, or every token alive would silently be worth nothing."""
        if await self._open_new(stored):
            raise KeysUnreadable

    async def _open_new(self, stored: Sequence[StoredKey]) -> list[StoredKey]:
        """Open what is new, forget what is gone, and return what cannot be opened. In a thread: an RSA key takes its time."""
        held = {key.kid: key for key in stored if self.is_held(key)}
        for kid in set(self.opened) - set(held):
            del self.opened[kid]
        unknown = [key for kid, key in held.items() if kid not in self.opened]
        found = {key.kid: await asyncio.to_thread(self._open, key) for key in unknown}
        self.opened.update({kid: key for kid, key in found.items() if key})
        unreadable = [key for key in unknown if not found[key.kid]]
        self._tell({key.kid for key in unreadable})
        return unreadable

    def _tell(self, unreadable: set[str]) -> None:
        for kid in sorted(unreadable - self.unreadable):
            audit.note(Event.CANNOT_OPEN, table="signing_keys", row=kid[:8])
        self.unreadable.clear()
        self.unreadable.update(unreadable)

    def _open(self, key: StoredKey) -> SigningKey | None:
        try:
            return SigningKey.from_der(self.vault.open(key.private, place=_place(key.kid)))
        except CannotOpen:
            return None

    def seal(self, key: SigningKey, role: Role, *, activated_at: datetime | None) -> StoredKey:
        """*key* as a row that is new."""
        private = self.vault.seal(key.to_der(), place=_place(key.kid))
        return StoredKey(key.kid, role, key.alg, private, self.clock.now(), activated_at)

    def reseal(self, key: StoredKey) -> bytes:
        """The private half under the newest key. Raises CannotOpen."""
        return self.vault.reseal(key.private, place=_place(key.kid))


def _place(kid: str) -> Place:
    return Place("signing_keys", "private", kid)
