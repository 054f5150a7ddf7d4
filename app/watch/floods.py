"""Limit refused calls per network, in memory: a flood costs neither a query nor a line per call.

A worker counts by itself, and only refusals: an authenticated caller is never held up, not by others of their network either.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus

from app.clock import Clock
from app.events import Event
from app.problems import Problem, RateLimited
from app.settings.limits import Mode
from app.settings.rules import read_rules
from app.watch import audit

_TELL_EVERY = 1.0
_MOST = 10_000
"""So many networks are remembered at a time; beyond that, those that were refused the longest ago are forgotten."""


class Floods:
    """*rules*: how many refusals a network has (`60/minute`; the first rule counts) before it is only told to wait."""

    def __init__(self, event: Event, rules: str, *, mode: Mode, clock: Clock) -> None:
        allowed, window = read_rules(rules)[0]
        self._event = event
        self._window = window.total_seconds()
        self._step = self._window / allowed
        self._mode = mode
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._told_at: float | None = None
        self._untold = 0

    @contextmanager
    def bounded(self, network: str) -> Iterator[None]:
        """Count refusals that are raised within, and re-raise them; after too many, raise RateLimited instead."""
        try:
            yield
        except Problem as refusal:
            if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            late = self._full_at.get(network, 0.0) + self._step - self._clock.elapsed() - self._window
            if late > 0 and self._mode == "enforce":
                self._tell()
                raise RateLimited(retry_after=timedelta(seconds=late)) from None
            self._count(network)
            raise

    def _count(self, network: str) -> None:
        """By the generic cell rate algorithm, as `store.limits` does. The dict stays in the order of the last refusal."""
        full_at = max(self._full_at.pop(network, 0.0), self._clock.elapsed()) + self._step
        self._full_at[network] = full_at
        if len(self._full_at) > _MOST:
            del self._full_at[next(iter(self._full_at))]
        self._tell()

    def _tell(self) -> None:
        """Note one event a second at most, saying how many refusals there were."""
        now, self._untold = self._clock.elapsed(), self._untold + 1
        if self._told_at is not None and now - self._told_at < _TELL_EVERY:
            return
        audit.note(self._event, times=self._untold)
        self._told_at, self._untold = now, 0
