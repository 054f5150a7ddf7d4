"""Limits of networks: how often one network may call a route that anybody may call, checked before anything else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from app.clock import Clock
from app.crypto.vault import Vault
from app.events import Event
from app.settings.limits import LimitSettings, Mode
from app.store import limits
from app.store.database import Database
from app.store.limits import Full, Taken
from app.visitor import Visitor
from app.watch import audit
from app.watch.limits import WIDER, Limit
from app.watch.walls import Closed, Wall


@dataclass(frozen=True, slots=True)
class Standing:
    """A caller's state under one rule: of *allowed* within *window* so many are *left*, and all of them after *reset*."""

    policy: str
    allowed: int
    window: timedelta
    left: int
    reset: timedelta


@dataclass(frozen=True, slots=True)
class Rate:
    """The result of a take: *wait* is None when it was allowed. In mode `record_only` there are no *standings*."""

    wait: timedelta | None = None
    standings: tuple[Standing, ...] = ()


_Outcome: TypeAlias = tuple[Sequence[Taken], timedelta | None]
"""The takes of the visitor's own network, and how long to wait when there was no room in it or the wider one."""


class NetworkLimit:
    """How often one network may call a route that anybody may call: taken before anything else is checked."""

    def __init__(self, name: str, rules: str, *, mode: Mode, database: Database, vault: Vault, clock: Clock) -> None:
        self._limit = Limit(f"{name} network", rules, database=database, vault=vault, volatile=True, mode=mode)
        self._policy = name
        self._database = database
        self._clock = clock
        self._wall = Wall()

    async def spend(self, visitor: Visitor) -> Rate:
        """Take one, committed; or nothing, when there is no room."""
        enforced = self._limit.mode == "enforce"
        async with self._wall.turn(visitor.wider_network):
            at = self._clock.now()
            known = self._refused_lately(visitor, at) if enforced else None
            takes, full = known or await self._take(visitor, at)
        if full:
            audit.note(Event.LIMIT_EXCEEDED, limit=self._limit.name, mode=self._limit.mode)
        if not enforced:
            return Rate()
        return Rate(full, tuple(self._standing(taken, at, refused=full is not None) for taken in takes))

    def _refused_lately(self, visitor: Visitor, at: datetime) -> _Outcome | None:
        """Repeat a refusal of the last second without a query; a network counts as full while the wider one is."""
        name = self._limit.name
        if own := self._wall.stands((name, visitor.network), at=at):
            return own.takes, own.until - at
        if around := self._wall.stands((name, visitor.wider_network), at=at):
            buckets = self._limit.buckets(visitor.network)
            return [Taken(bucket, around.until + bucket.step) for bucket in buckets], around.until - at
        return None

    async def _take(self, visitor: Visitor, at: datetime) -> _Outcome:
        own, around = self._limit.buckets(visitor.network), []
        if visitor.wider_network != visitor.network:
            around = self._limit.buckets(visitor.wider_network, times=WIDER)
        try:
            takes = await self._database.run(lambda tx: limits.take(tx, [*own, *around], at=at))
        except Full as full:
            mine = full.takes[: len(own)]
            self._remember(visitor.network, mine, mine, full.retry_after, at)
            self._remember(visitor.wider_network, full.takes[len(own) :], (), full.retry_after, at)
            return mine, full.retry_after
        return takes[: len(own)], None

    def _remember(
        self, network: str, asked: Sequence[Taken], mine: Sequence[Taken], wait: timedelta, at: datetime
    ) -> None:
        if any(taken.late(at) > timedelta(0) for taken in asked):
            self._wall.close((self._limit.name, network), Closed(at, at + wait, mine))

    def _standing(self, taken: Taken, at: datetime, *, refused: bool) -> Standing:
        """The state after *taken*; a take that was refused was rolled back with its transaction."""
        bucket = taken.bucket
        filled = taken.full_at - at - (bucket.step if refused else timedelta(0))
        left = 0 if refused else (bucket.window - filled) // bucket.step
        policy = f"{self._policy}-{int(bucket.window.total_seconds())}"
        return Standing(policy, bucket.allowed, bucket.window, left, filled)


@dataclass(frozen=True, slots=True)
class NetworkLimits:
    """The limits of the routes that anybody may call; signing in has its own (`throttle`)."""

    register: NetworkLimit
    forgot: NetworkLimit
    codes: NetworkLimit


def network_limits(
    settings: LimitSettings, *, mode: Mode, database: Database, vault: Vault, clock: Clock
) -> NetworkLimits:
    def limit(name: str, rules: str) -> NetworkLimit:
        return NetworkLimit(name, rules, mode=mode, database=database, vault=vault, clock=clock)

    return NetworkLimits(
        register=limit("register", settings.register_network),
        forgot=limit("forgot", settings.forgot_network),
        codes=limit("codes", settings.codes_network),
    )
