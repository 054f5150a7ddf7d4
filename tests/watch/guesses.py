"""People who try passwords, with the throttle between them and the hash; and what it remembers of them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from app.crypto.keys import KeyRing
from app.crypto.vault import Vault
from app.problems import RateLimited
from app.settings.limits import LimitSettings, Mode
from app.store.database import Database
from app.visitor import Visitor
from app.watch.throttle import Spent, Throttle
from tests.standins.clock import ManualClock
from tests.world import KEY

ADA, HOME = "ada@example.test", "203.0.113.9"
EVERYWHERE = [(ADA, f"198.51.{nth // 100}.{nth % 100}") for nth in range(400)]
EVERYBODY = [(f"user.{nth}@example.test", HOME) for nth in range(400)]


def throttle(database: Database, *keys: str, network: Mode = "enforce", **settings: Any) -> Throttle:
    vault = Vault(KeyRing([SecretStr(key) for key in keys or (KEY,)]))
    return Throttle(LimitSettings(**settings), network=network, database=database, vault=vault)


def visitor(network: str) -> Visitor:
    return Visitor(ip_address(network) if network else None, agent="")


@dataclass
class Guesses:
    """Each answer is None when the password was looked at, else how long to wait."""

    throttle: Throttle
    clock: ManualClock

    async def begin(self, account: str = ADA, network: str = HOME, *, device: UUID | None = None) -> Spent:
        return await self.throttle.spend(account, visitor(network), known=device, at=self.clock.now())

    async def wrong(self, account: str = ADA, network: str = HOME, *, device: UUID | None = None) -> timedelta | None:
        try:
            await self.begin(account, network, device=device)
        except RateLimited as refused:
            return refused.retry_after
        return None

    async def right(self, account: str = ADA, network: str = HOME, *, device: UUID | None = None) -> timedelta | None:
        try:
            spent = await self.begin(account, network, device=device)
            await self.throttle.refund(spent, at=self.clock.now())
        except RateLimited as refused:
            return refused.retry_after
        return None

    async def wrongs(self, count: int, account: str = ADA, network: str = HOME, *, device: UUID | None = None) -> int:
        """How many of *count* wrong ones were looked at."""
        return [await self.wrong(account, network, device=device) for _ in range(count)].count(None)

    async def each(self, guesses: Iterable[tuple[str, str]]) -> int:
        """How many of these wrong ones were looked at: an account and a network each."""
        return [await self.wrong(*guess) for guess in guesses].count(None)

    def forward(self, seconds: float) -> None:
        self.clock.forward(timedelta(seconds=seconds))


async def at_once(throttles: Sequence[Throttle], guesses: Sequence[tuple[str, str]], clock: ManualClock) -> int:
    """How many of these wrong ones were looked at, all tried at the same time, of one throttle after the other."""
    asked = [Guesses(throttles[nth % len(throttles)], clock).wrong(*guess) for nth, guess in enumerate(guesses)]
    return (await asyncio.gather(*asked)).count(None)


async def remembered(rows: asyncpg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that is counted in."""
    return {
        table: [tuple(row) for row in await rows.fetch(f"SELECT * FROM {table} ORDER BY key")]  # noqa: S608  ours
        for table in ("throttles", "limits", "network_limits")
    }
