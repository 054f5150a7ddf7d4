"""Aggregate refusals, over a limit or of what is locked or used up: once a minute, equal ones become one event, with their number.

A flood then fills neither the log nor the table. Metrics count each of them at once; pending ones are told at shutdown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from app.clock import Clock
from app.events import Event
from app.visitor import Visitor
from app.watch.audit import Facts, Whence
from app.watch.redaction import Published

AGGREGATED = frozenset(
    {
        Event.LIMIT_EXCEEDED,
        Event.SMS_REFUSED,
        Event.MAIL_HELD_BACK,
        Event.ATTEMPTS_EXHAUSTED,
        Event.FACTOR_LOCKED,
    }
)
_WINDOW = 60.0
_MOST = 1000
"""So many are counted by user and network at a time; beyond that they are counted only by what was refused."""
_WHAT = frozenset({"limit", "mode", "region"})
"""The facts that say what was refused: they have few values, whoever asks."""

_Key: TypeAlias = tuple[Event, tuple[tuple[str, str | Published], ...], str]


@dataclass(slots=True)
class _Count:
    """*visitor* and *about*, the users, are those of the first request that was counted."""

    visitor: Visitor | None
    about: set[str]
    since: datetime
    until: float
    times: int = 0


class Aggregated:
    """Counts of similar refusals; each worker counts by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[_Key, _Count] = {}

    def take(self, event: Event, facts: Facts, whence: Whence) -> bool:
        """Count the event, if it is one of those that are aggregated."""
        if event not in AGGREGATED:
            return False
        key, visitor = self._key(event, facts, whence.visitor() if whence.visitor else None)
        count = self._counts.get(key)
        if count is None:
            count = _Count(visitor, whence.about, self._clock.now(), self._clock.elapsed() + _WINDOW)
            self._counts[key] = count
        count.times += 1
        return True

    def _key(self, event: Event, facts: Facts, visitor: Visitor | None) -> tuple[_Key, Visitor | None]:
        key = (event, tuple(sorted(facts.items())), visitor.network if visitor else "")
        if key in self._counts or len(self._counts) < _MOST:
            return key, visitor
        return (event, tuple(sorted((name, fact) for name, fact in facts.items() if name in _WHAT)), ""), None

    def due(self, *, all_: bool = False) -> Iterator[tuple[Event, Facts, Whence]]:
        """Yield and drop the counts that began a minute ago, or *all_*; later refusals are counted anew."""
        now = self._clock.elapsed()
        for key, count in list(self._counts.items()):
            if all_ or count.until <= now:
                del self._counts[key]
                yield key[0], _told(key, count), _whence(count)


def _told(key: _Key, count: _Count) -> Facts:
    since = count.since.isoformat(timespec="seconds")
    return {**dict(key[1]), "times": Published(str(count.times)), "since": since}


def _whence(count: _Count) -> Whence:
    visitor = count.visitor
    return Whence(visitor=(lambda: visitor) if visitor else None, about=count.about)
