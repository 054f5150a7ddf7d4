"""Follow the signing keys: what any replica or the operator changes, this one signs and reads with seconds later."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from app.crypto.signing import KeySet
from app.crypto.tokens import Tokens
from app.flows.keys import Keys, KeysMissing, KeysUnreadable
from app.flows.rotation import Rotation
from app.problems import DatabaseUnavailable
from app.store.signing_keys import StoredKey

_AGAIN = timedelta(seconds=1)
"""How soon it is tried again when it failed."""
_log = logging.getLogger("gatehouse.keys")


@dataclass(frozen=True)
class Following:
    """`tokens` is given a whole new set each time: a token is read with the keys of one moment."""

    every: timedelta
    keys: Keys
    rotation: Rotation
    tokens: Tokens

    async def begin(self) -> None:
        """Raises KeysUnreadable: nothing may start then."""
        await self.rotation.prepare()
        self.tokens.keys = await self.keys()

    async def run(self) -> None:
        """Follow until cancelled. What cannot be read leaves the keys as they are: a poll that fails stops nobody."""
        pause = self.every
        while True:
            await asyncio.sleep(pause.total_seconds())
            pause = self.every if await self.succeeds() else min(self.every, _AGAIN)

    async def succeeds(self) -> bool:
        try:
            await self._follow()
        except (DatabaseUnavailable, KeysUnreadable, KeysMissing) as reason:
            _log.warning("signing keys are not followed: %s", type(reason).__name__)
            return False
        return True

    async def _follow(self) -> None:
        """First know, then do what is due: the one must not wait for the other."""
        stored = await self.keys.stored()
        self.tokens.keys = await self._key_set(stored)
        if await self.rotation.tend(stored):
            self.tokens.keys = await self.keys()

    async def _key_set(self, stored: Sequence[StoredKey]) -> KeySet:
        """Whatever else cannot be known: what was revoked is good no more."""
        try:
            return await self.keys.key_set(stored)
        except (KeysUnreadable, KeysMissing):
            self.tokens.keys = self.tokens.keys.without(key.kid for key in stored if key.revoked_at)
            raise
