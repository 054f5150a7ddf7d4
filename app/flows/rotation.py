"""Signing keys come and go: the next one signs, the one before retires, and nobody's token is refused for it.

A key is published before it signs and stays published until nothing that it signed can live. Replicas that notice at
the same time do it once: each looks again under the lock.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.crypto.signing import SigningKey
from app.flows.key_change import KeyChange, changing
from app.flows.keys import Keys, KeysMissing
from app.store.signing_keys import KeyState, Role, StoredKey


class TooSoon(Exception):  # noqa: N818  named as the state it tells of
    """The next key is not known everywhere yet."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(
            f"The next signing key has not been published long enough: caches do not have it yet. Wait {_readable(wait)}."
        )


class UnknownKey(Exception):  # noqa: N818  named as the state it tells of
    def __init__(self) -> None:
        super().__init__("There is no such signing key: `gatehouse keys list` shows them all.")


@dataclass(frozen=True)
class Rotation:
    """*by*: the operator who has it done, if it is one."""

    keys: Keys
    by: str | None = None

    async def prepare(self) -> None:
        """At start: make what is missing, and a next key of the algorithm that is set.

        Raises KeysUnreadable before anything is changed.
        """
        stored = await self.keys.stored()
        await self.keys.refuse_unreadable(stored)
        if wanted := self._wanted(stored):
            async with changing(self.keys, by=self.by, spares=await self._spares(wanted)) as change:
                await change.withdraw(*filter(self._is_outdated, await change.stored()))
                for role in Role:
                    await change.complete(role)

    async def rotate(self) -> None:
        """The next keys sign from now on. Raises TooSoon, KeysMissing, KeysUnreadable."""
        await self.keys.refuse_unreadable(await self.keys.stored())
        async with changing(self.keys, by=self.by, spares=await self._spares(len(Role))) as change:
            stored = await change.stored()
            wait = self._until_known(stored)
            if wait > timedelta(0):
                raise TooSoon(wait)
            await _rotate(change, stored)

    async def revoke(self, kid: str) -> None:
        """Nothing under *kid* is good any more; whether it is known to caches or not, the next key takes its place.

        Raises UnknownKey. To revoke a key twice changes nothing.
        """
        async with changing(self.keys, by=self.by, spares=await self._spares(1)) as change:
            found = next((key for key in await change.stored() if key.kid == kid), None)
            if found is None:
                raise UnknownKey
            if found.revoked_at is None:
                await change.revoke(found)
                await change.complete(Role(found.role))

    async def tend(self, stored: Sequence[StoredKey]) -> bool:
        """Do what is due by the clock, unless another replica was quicker. Whether anything is different now."""
        due, done = self._is_due(stored), self._done_with(stored)
        if not due and not done:
            return False
        async with changing(self.keys, by=self.by, spares=await self._spares(len(Role) if due else 0)) as change:
            stored = await change.stored()
            if self._is_due(stored):
                await _rotate(change, stored)
            await change.withdraw(*self._done_with(stored))
        return True

    def _is_due(self, stored: Sequence[StoredKey]) -> bool:
        every = self.keys.settings.rotate_every
        if every == "never":
            return False
        current = _find(stored, Role.ACCESS, KeyState.CURRENT)
        is_old = current is not None and current.since + every <= self.keys.clock.now()
        return is_old and self._until_known(stored) <= timedelta(0)

    def _until_known(self, stored: Sequence[StoredKey]) -> timedelta:
        """How long the next keys still have to be published before they may sign; zero or less: they may."""
        following = [_find(stored, role, KeyState.NEXT) for role in Role]
        youngest = max((key.created_at for key in following if key), default=None)
        if youngest is None or None in following:
            raise KeysMissing
        return youngest + self.keys.settings.publish_ahead - self.keys.clock.now()

    def _done_with(self, stored: Sequence[StoredKey]) -> list[StoredKey]:
        """Those whose private half is of no more use."""
        return [key for key in stored if key.private and not self.keys.is_held(key)]

    def _is_outdated(self, key: StoredKey) -> bool:
        """Next in line, and of another algorithm than the one that is set: it never signed anything."""
        return key.state == KeyState.NEXT and key.alg != self.keys.settings.algorithm

    def _wanted(self, stored: Sequence[StoredKey]) -> int:
        """How many keys must be made, so that each role has one that signs and one that is next."""
        there = Counter(key.state for key in stored if not self._is_outdated(key))
        return sum(max(0, len(Role) - there[state]) for state in (KeyState.CURRENT, KeyState.NEXT))

    async def _spares(self, count: int) -> list[SigningKey]:
        alg = self.keys.settings.algorithm
        return await asyncio.to_thread(lambda: [SigningKey.new(alg) for _ in range(count)])


async def _rotate(change: KeyChange, stored: Sequence[StoredKey]) -> None:
    for role in Role:
        if current := _find(stored, role, KeyState.CURRENT):
            await change.retire(current)
        await change.complete(role)


def _find(stored: Sequence[StoredKey], role: Role, state: KeyState) -> StoredKey | None:
    return next((key for key in stored if key.role == role and key.state == state), None)


def _readable(wait: timedelta) -> str:
    """Whole minutes and seconds, rounded up."""
    minutes, seconds = divmod(-(-wait // timedelta(seconds=1)), 60)
    return " ".join(f"{count} {unit}" for count, unit in ((minutes, "min"), (seconds, "s")) if count)
