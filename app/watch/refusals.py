"""Bearer tokens that were refused, told in one line a second at most: a line each would let junk fill the log.

Each refused request has its own line from the shell already; this one is the security event, and says how many there were.
"""

import asyncio

from app.events import Event
from app.watch import audit

_EVERY = 1.0


class Refusals:
    """Counts refused tokens; never keeps a token, nor a piece of it."""

    def __init__(self) -> None:
        self._untold = 0

    def note(self) -> None:
        self._untold += 1

    async def run(self) -> None:
        """Note an event each second that has refusals, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            self.tell()

    def tell(self) -> None:
        if self._untold:
            audit.note(Event.TOKEN_REFUSED, times=self._untold)
            self._untold = 0
