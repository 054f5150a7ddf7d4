"""Detect credential stuffing: many accounts that fail from one network, or far more failures than usual everywhere.

It refuses nobody; the limits do. An event names a network by a keyed digest, which is the same for the same network.
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

ACCOUNTS, WIDER_ACCOUNTS, SURGE = "login accounts of a network", "login accounts of a wider network", "login surge"
"""Limits that only detect: what exceeds them is reported as suspected, and passes."""
_MINUTE = timedelta(minutes=1)
_KEPT = 0.98
"""The decay per minute of the fast average: half of its weight is on the last 35 minutes."""
_KEPT_SLOWLY = 0.9995
"""The decay per minute of the slow average: half of its weight is on the last day."""
_AT_MOST = 3
"""The usual is capped at so many times the slow average, or an attack that grows slowly enough is never reported."""
_WIDER = 4
"""How many times as many accounts may fail from an IPv6 /48 as from a network, before it is reported."""
_OWN_SHARE = 10
"""A worker takes part in a surge from a tenth of the floor on; the floor itself is for all workers together."""
_DIGITS = 16


@dataclass
class Surge:
    """Failures of this minute at one worker, compared with those of a usual minute there.

    It is a few numbers, however many fail. A surge adds to the averages no more than would still be no surge.
    """

    floor: int
    times: int
    begun: datetime | None = None
    failures: int = 0
    fast: float = 0.0
    slow: float = 0.0
    minutes: int = 0
    told: bool = False

    def failed(self, at: datetime) -> bool:
        """Count one; True while there are too many in this minute, until that is reported."""
        self._go_on(at)
        self.failures += 1
        return not self.told and self.failures > max(self.floor // _OWN_SHARE, self.times * self.usual)

    def undo(self) -> None:
        """It was no failure."""
        self.failures = max(0, self.failures - 1)

    @property
    def usual(self) -> float:
        return min(self.fast, _AT_MOST * self.slow)

    def _go_on(self, at: datetime) -> None:
        begun = self.begun or at
        minutes = max(0, (at - begun) // _MINUTE)
        if minutes:
            self._learn(min(self.failures, max(self.floor, self.times * self.usual)), silent=minutes - 1)
            self.failures, self.told = 0, False
        self.begun = begun + minutes * _MINUTE

    def _learn(self, ended: float, *, silent: int) -> None:
        """Update the averages by a minute that ended and *silent* ones after it. The slow one begins as a mean."""
        self.fast = (_KEPT * self.fast + (1 - _KEPT) * ended) * _KEPT**silent
        self.minutes += 1 + silent
        share = max(1 - _KEPT_SLOWLY, 1 / self.minutes)
        self.slow = ((1 - share) * self.slow + share * ended) * _KEPT_SLOWLY**silent


class Stuffing:
    def __init__(self, settings: LimitSettings, *, database: Database, vault: Vault) -> None:
        def limit(name: str, rules: str) -> Limit:
            return Limit(name, rules, database=database, vault=vault, volatile=True)

        self._vault = vault
        self._rules = settings.stuffing_accounts
        self._accounts = limit(ACCOUNTS, settings.stuffing_accounts)
        self._everywhere = limit(SURGE, f"{settings.surge_floor}/minute")
        self._telling = limit("login stuffing told", "1/minute")
        self._surge = Surge(settings.surge_floor, settings.surge_times)

    def buckets(self, visitor: Visitor) -> dict[Bucket, str]:
        """The buckets that an account's first failure in a row takes from: they count failing accounts per network."""
        found = dict.fromkeys(self._accounts.buckets(visitor.network), ACCOUNTS)
        if visitor.wider_network == visitor.network:
            return found
        return found | dict.fromkeys(self._accounts.buckets(visitor.wider_network, times=_WIDER), WIDER_ACCOUNTS)

    def failed(self, at: datetime) -> dict[Bucket, str]:
        """Count a failure; if this worker sees more than usual, return the buckets of all workers to take from."""
        return dict.fromkeys(self._everywhere.buckets(""), SURGE) if self._surge.failed(at) else {}

    def undo(self) -> None:
        """It was no failure."""
        self._surge.undo()

    async def suspect(self, name: str, visitor: Visitor, *, at: datetime) -> None:
        """Note an event, at most once a minute, that too many failed."""
        if name == SURGE:
            self._surge.told = True
            await self._tell(
                "", at, scope="everywhere", failures=self._surge.failures, usual=round(self._surge.usual, 1)
            )
            return
        network = visitor.network if name == ACCOUNTS else visitor.wider_network
        digest = self._vault.index(network, of="network of an event").hex()[:_DIGITS]
        await self._tell(network, at, scope="network", network=digest, beyond=self._rules)

    async def _tell(self, whom: str, at: datetime, **words: object) -> None:
        if await self._telling.has_room(whom, at=at):
            audit.note(Event.STUFFING_SUSPECTED, **words)
