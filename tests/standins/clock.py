"""A clock that moves only when a test says so."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    def __init__(self, at: datetime = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)) -> None:
        self._begin = self._at = at

    def now(self) -> datetime:
        return self._at

    def elapsed(self) -> float:
        return (self._at - self._begin).total_seconds()

    def forward(self, by: timedelta) -> None:
        self._at += by
