"""A cache of refusals in front of a limit: what was refused a moment ago is refused again without asking the database.

A flood costs a transaction per second and worker; and no network waits with more than two connections for its own rows.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from app.problems import DatabaseUnavailable
from app.store.limits import Taken

Whose: TypeAlias = tuple[str, str]
"""The name of a limit, and whom it limits."""

_NOTHING = timedelta(0)
_BELIEVED = timedelta(seconds=1)
"""How long a refusal is cached: another worker may have given back what was taken."""
_MOST = 10_000
"""So many refusals are remembered; beyond it the oldest ones are forgotten."""
_AT_A_TIME = 2
_PATIENCE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Closed:
    """A limit that had no room at *since*, and has none until *until*; *takes* are those that were undone."""

    since: datetime
    until: datetime
    takes: Sequence[Taken] = ()


@dataclass(slots=True)
class _Turns:
    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_A_TIME))
    wanted: int = 0


class Wall:
    def __init__(self) -> None:
        self._closed: dict[Whose, Closed] = {}
        self._turns: dict[str, _Turns] = {}

    def stands(self, whose: Whose, *, at: datetime) -> Closed | None:
        """The refusal of *whose* within the last second, if it still holds."""
        closed = self._closed.get(whose)
        if closed and _NOTHING <= at - closed.since < _BELIEVED and closed.until > at:
            return closed
        return None

    def close(self, whose: Whose, closed: Closed) -> None:
        self._closed.pop(whose, None)
        self._closed[whose] = closed
        if len(self._closed) > _MOST:
            del self._closed[next(iter(self._closed))]

    def open(self, given_back: Iterable[Whose]) -> None:
        """Forget these refusals: something was given back, so there may be room again."""
        for whose in given_back:
            self._closed.pop(whose, None)

    @asynccontextmanager
    async def turn(self, network: str) -> AsyncIterator[None]:
        """Let in two at a time per *network*. Raises DatabaseUnavailable when those before it take too long."""
        turns = self._turns.setdefault(network, _Turns())
        turns.wanted += 1
        try:
            await _acquire(turns.free)
            try:
                yield
            finally:
                turns.free.release()
        finally:
            turns.wanted -= 1
            if not turns.wanted:
                del self._turns[network]


async def _acquire(free: asyncio.Semaphore) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await free.acquire()
    except TimeoutError:
        raise DatabaseUnavailable from None
