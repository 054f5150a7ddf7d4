"""Bearer tokens that were refused, told in one line a second at most: a line each would let junk fill the log.

Each refused request has its own line from the shell already; this one is the security event, and says how many there were.
"""

from types import TracebackType

from app.clock import Clock
from app.events import Event
from app.problems import InvalidToken, MissingToken
from app.watch import audit

_EVERY = 1.0


class Refusals:
    """Stands around the reading of a token: what is refused within is counted, and raised all the same.

    The first one is noted at once, those of the next second with the one after it; never the token, nor a piece of it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._noted_at: float | None = None
        self._untold = 0

    def __enter__(self) -> None:
        """Nothing is opened: one stands around all readings of a process."""

    def __exit__(
        self, _kind: type[BaseException] | None, raised: BaseException | None, _: TracebackType | None
    ) -> None:
        if isinstance(raised, InvalidToken) and not isinstance(raised, MissingToken):
            self._count()

    def _count(self) -> None:
        now, self._untold = self._clock.elapsed(), self._untold + 1
        if self._noted_at is not None and now - self._noted_at < _EVERY:
            return
        audit.note(Event.TOKEN_REFUSED, times=self._untold)
        self._noted_at, self._untold = now, 0
