"""Credential stuffing, seen and told: many accounts that fail from one network, or far more failures than usual everywhere.

It refuses nobody; the limits do. An event tells of a network by a keyed digest, which is the same for the same network.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.crypto.vault import Vault
from app.events import Event
from app.settings.limits import LimitSettings
from app.store.database import Database
from app.store.limits import Bucket
from app.visitor import Visitor
from app.watch import audit
from app.watch.limits import Limit

_MINUTE = timedelta(minutes=1)
_KEPT = 0.98
"""Of what is usual, from a minute to the next: half of it is of the last 35 minutes."""
_DIGITS = 16


@dataclass
class Surge:
    """Failures of this minute against those of a usual one; a worker sees the same share of both as every other worker.

    Three numbers, however many fail. A surge counts into what is usual as no more than what is still usual.
    """

    floor: int
    times: int
    begun: datetime | None = None
    failures: int = 0
    usual: float = 0.0
    told: bool = False

    def failed(self, at: datetime) -> bool:
        """Count one; True for the first one of this minute that is too many."""
        self._go_on(at)
        self.failures += 1
        if self.told or self.failures <= self._most:
            return False
        self.told = True
        return True

    def undo(self) -> None:
        """It was no failure."""
        self.failures = max(0, self.failures - 1)

    @property
    def _most(self) -> float:
        return max(self.floor, self.times * self.usual)

    def _go_on(self, at: datetime) -> None:
        begun = self.begun or at
        minutes = (at - begun) // _MINUTE
        if minutes > 0:
            ended = min(self.failures, self._most)
            self.usual = (_KEPT * self.usual + (1 - _KEPT) * ended) * _KEPT ** (minutes - 1)
            self.failures, self.told = 0, False
        self.begun = begun + max(0, minutes) * _MINUTE


class Stuffing:
    def __init__(self, settings: LimitSettings, *, database: Database, vault: Vault) -> None:
        self._vault = vault
        self._rules = settings.stuffing_accounts
        self._accounts = Limit(
            "login accounts of a network", settings.stuffing_accounts, database=database, vault=vault, volatile=True
        )
        self._telling = Limit("login stuffing told", "1/minute", database=database, vault=vault, volatile=True)
        self._surge = Surge(settings.surge_floor, settings.surge_times)

    def buckets(self, visitor: Visitor) -> list[Bucket]:
        """What the first failure in a row of an account takes from, for all accounts of the network together."""
        return self._accounts.buckets(visitor.network)

    def failed(self, at: datetime) -> None:
        """Somebody failed, somewhere; one who was not even looked at counts as well."""
        if self._surge.failed(at):
            usual = round(self._surge.usual, 1)
            audit.note(Event.STUFFING_SUSPECTED, scope="everywhere", failures=self._surge.failures, usual=usual)

    def undo(self) -> None:
        """It was no failure."""
        self._surge.undo()

    async def suspect(self, visitor: Visitor, *, at: datetime) -> None:
        """Too many accounts failed from this network: tell so, once a minute."""
        if await self._telling.has_room(visitor.network, at=at):
            digest = self._vault.index(visitor.network, of="network of an event").hex()[:_DIGITS]
            audit.note(Event.STUFFING_SUSPECTED, scope="network", network=digest, beyond=self._rules)
