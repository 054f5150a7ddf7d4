"""Prune: what has been over for long enough is deleted, by one replica at a time, while the service runs.

Law: how long a row is remembered is asked of whoever remembers by it, so that none of them forgets early.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from app.clock import Clock
from app.crypto.chance import below
from app.flows.receipts import KEPT_FOR
from app.problems import DatabaseUnavailable
from app.settings import Settings
from app.settings.rules import read_rules
from app.store import cooldowns, prune
from app.store.database import Database, Tx
from app.store.prune import BATCH, Ago
from app.watch.revocations import OVERLAP
from app.watch.sms_rules import MEMORY

_LEEWAY = timedelta(hours=1)
"""What is over by one replica's clock is over by every other's, too."""
_JITTER = 0.1
_MILLIS = 1000
_log = logging.getLogger("gatehouse.prune")


def ages(settings: Settings) -> dict[str, timedelta]:
    """How long ago what is called so must have been over, or have begun, to leave."""
    kept, numbers = settings.retention, read_rules(settings.sms_limits.numbers)
    feed = settings.tokens.access_life + 2 * OVERLAP + _LEEWAY
    return {
        "challenges": kept.challenges,
        "unconfirmed factors": max(kept.challenges, settings.mfa.enroll_life + _LEEWAY),
        "registrations": _LEEWAY,
        "password resets": _LEEWAY,
        "e-mail changes": _LEEWAY,
        "e-mail undos": _LEEWAY,
        "ended sessions": max(kept.sessions, feed),
        "expired sessions": max(kept.sessions, feed),
        "devices": kept.devices,
        "cut-offs": feed,
        "cool-downs": cooldowns.FORGOTTEN_AFTER + _LEEWAY,
        "clear budgets": timedelta(0),
        "throttles": settings.limits.login_delay_forgotten + _LEEWAY,
        "limits": _LEEWAY,
        "limits of networks": _LEEWAY,
        "receipt nonces": KEPT_FOR + _LEEWAY,
        "SMS": max(kept.sends, *(window + _LEEWAY for _, window in numbers)),
        "SMS blocks": MEMORY + _LEEWAY,
        "unsent notices": kept.notices,
    }


@dataclass(frozen=True)
class Prune:
    """*ages*: as above."""

    ages: Mapping[str, timedelta]
    database: Database
    clock: Clock

    async def __call__(self, *, wait: bool = True) -> dict[str, int]:
        """How many of each left. Without *wait*, none of what somebody else is pruning."""
        return {name: await self._all(name, wait=wait) for name in prune.OVER}

    async def _all(self, name: str, *, wait: bool) -> int:
        """A batch a transaction, so that nobody waits for long for what it holds."""
        done = 0
        while True:
            gone = await self.database.run(lambda tx: self._batch(tx, name, wait=wait))
            done += gone
            if gone < BATCH:
                return done

    async def _batch(self, tx: Tx, name: str, *, wait: bool) -> int:
        return await prune.batch(tx, name, self._ago(name)) if await prune.begin(tx, wait=wait) else 0

    async def look(self) -> dict[str, int]:
        """How many of each would leave."""
        async with self.database.read() as tx:
            return {name: await prune.count(tx, name, self._ago(name)) for name in prune.OVER}

    def _ago(self, name: str) -> Ago:
        return Ago(self.clock.now() - self.ages[name], self.ages[name])


@dataclass(frozen=True)
class Pruning:
    """The job beside the requests: now and then, and not all replicas in the same moment."""

    every: timedelta
    prune: Prune

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            await asyncio.sleep(_pause(self.every))
            with suppress(DatabaseUnavailable):
                await self.once()

    async def once(self) -> None:
        if found := {name: rows for name, rows in (await self.prune(wait=False)).items() if rows}:
            _log.info("pruned: %s", ", ".join(f"{rows} {name}" for name, rows in found.items()))


def _pause(every: timedelta) -> float:
    """Seconds; a tenth more or less."""
    seconds = every.total_seconds()
    return seconds * (1 - _JITTER) + below(int(seconds * 2 * _JITTER * _MILLIS) + 1) / _MILLIS
