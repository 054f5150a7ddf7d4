"""Delays of refusals: each takes as long as under the slowest scheme that is in use, whoever is refused (law 7).

The answer waits for the rest of that time, not the hashing thread.
"""

from collections.abc import Collection
from threading import Lock

_REMEMBERED = 32
_MARGIN = 1.1


class Pace:
    """Called by hashing threads. *own* is the cost of our own hashes: while there are no others, nothing waits."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._seconds: dict[str, list[float]] = {}
        self._lock = Lock()

    def note(self, cost: str, seconds: float) -> None:
        """Record how long an attempt against a hash of this cost took."""
        with self._lock:
            self._seconds[cost] = [*self._seconds.get(cost, ()), seconds][-_REMEMBERED:]

    def rest(self, took: float) -> float:
        """The seconds that a refusal still has to wait, after an attempt that *took* so many."""
        with self._lock:
            if self._seconds.keys() <= {self._own}:
                return 0.0
            slowest = max(map(_typical, self._seconds.values()))
        return max(0.0, slowest * _MARGIN - took)

    def keep(self, costs: Collection[str]) -> None:
        """Forget schemes that nobody's password is under any more."""
        with self._lock:
            self._seconds = {cost: taken for cost, taken in self._seconds.items() if cost in {self._own, *costs}}


def _typical(seconds: list[float]) -> float:
    """The second longest, or the only one: a single hiccup must not slow everybody down for the next hour."""
    return sorted(seconds)[-2:][0]
