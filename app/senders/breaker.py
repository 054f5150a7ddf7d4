"""A circuit breaker: a failing ("ill") provider is not asked, so no sign-in waits for it, but for single probes."""

import logging
from collections.abc import Callable
from datetime import timedelta

from app.clock import Clock

LOG = logging.getLogger("gatehouse.senders")
Told = Callable[[str, bool], None]
"""A callback that is given a sender's name, and whether its breaker is open."""


class Breaker:
    """Opens after `limit` outcomes in a row that show it ill; after `pause` one send is let through as a probe."""

    def __init__(
        self,
        *,
        clock: Clock,
        sender: str,
        limit: int = 5,
        pause: timedelta = timedelta(seconds=30),
        told: Told | None = None,
    ) -> None:
        self._told = told
        self._clock = clock
        self._sender = sender
        self._limit = limit
        self._pause = pause.total_seconds()
        self._ill = 0
        self._probe_at: float | None = None
        self._rests_until = 0.0
        self._tell()

    @property
    def is_open(self) -> bool:
        return self._probe_at is not None

    def admit(self) -> bool:
        """Whether a send may be tried. An admitted probe that never reports is followed by another after the pause."""
        if self._clock.elapsed() < self._rests_until:
            return False
        if self._probe_at is None:
            return True
        if self._clock.elapsed() < self._probe_at:
            return False
        self._probe_at = self._clock.elapsed() + self._pause
        return True

    def note(self, *, ill: bool) -> None:
        """Record an admitted send's outcome. An answer that refuses the message still proves the provider well."""
        if ill:
            self._worsen()
            return
        self._ill = 0
        if self.is_open:
            self._probe_at = None
            self._tell()
            LOG.warning("sms_circuit_closed", extra={"sender": self._sender})

    def rest(self, span: timedelta) -> None:
        """Let nothing through for *span*: the provider said when it wants to be asked again."""
        if span:
            self._rests_until = max(self._rests_until, self._clock.elapsed() + span.total_seconds())
            LOG.warning("sms_circuit_rests", extra={"sender": self._sender, "seconds": span.total_seconds()})

    def _worsen(self) -> None:
        self._ill += 1
        if self._ill >= self._limit and not self.is_open:
            self._probe_at = self._clock.elapsed() + self._pause
            self._tell()
            LOG.error("sms_circuit_opened", extra={"sender": self._sender, "failures": self._ill})

    def _tell(self) -> None:
        if self._told is not None:
            self._told(self._sender, self.is_open)
