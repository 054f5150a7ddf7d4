"""Time is an argument: whoever needs it is given a Clock (law 8)."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time of day, timezone-aware, in UTC."""
        ...

    def elapsed(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""
        ...


_UNBROKEN = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine is suspended, where there is such a clock: what happens meanwhile must not be missed."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.clock_gettime(_UNBROKEN)
