"""What happened, for those who look later: one line an event, told after the fact is committed and never with a secret.

Besides, the event goes into the record that is open around it: that of a request, a job or a verb (`trail`). There, refusals
that are alike are told together (`aggregated`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.events import Event
from app.visitor import Visitor
from app.watch import metrics
from app.watch.logs import logger

_log = logger("gatehouse.audit")


@dataclass(frozen=True, slots=True)
class Whence:
    """The request in which something happened. Who asks is found out once there is anything to write."""

    request_id: str | None = None
    visitor: Callable[[], Visitor] | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    id: UUID
    at: datetime
    event: Event
    facts: dict[str, str]
    whence: Whence


Collect: TypeAlias = Callable[[Event, dict[str, str], Whence], bool]


@dataclass(slots=True)
class Record:
    """The events of one request, until they are written; *late* takes those that come after.

    *collect* says whether it took an event, to be told with others that are alike.
    """

    clock: Clock
    whence: Whence
    late: Callable[[Noted], None]
    collect: Collect
    closed: bool = False
    events: list[Noted] = field(default_factory=list)

    def add(self, event: Event, facts: dict[str, str]) -> None:
        at = self.clock.now()
        noted = Noted(new_id(at), at, event, facts, self.whence)
        if self.closed:
            self.late(noted)
        else:
            self.events.append(noted)

    def close(self) -> list[Noted]:
        """Take what there is; whatever comes now is late."""
        self.closed = True
        events, self.events = self.events, []
        return events


_open: ContextVar[Record | None] = ContextVar("audit record", default=None)


@contextmanager
def within(record: Record) -> Iterator[None]:
    """What is noted within, and by tasks that begin within, goes into *record*."""
    before = _open.set(record)
    try:
        yield
    finally:
        _open.reset(before)


def note(event: Event, **facts: object) -> None:
    """Note *event* with ids and outcomes; what is a secret or a person's data has no place in *facts*."""
    told = {name: str(fact) for name, fact in facts.items() if fact is not None}
    metrics.event(event, facts)
    record = _open.get()
    if record and record.collect(event, told, record.whence):
        return
    tell(event, told)
    if record:
        record.add(event, told)


def tell(event: Event, told: dict[str, str]) -> None:
    """The line of an event, which is counted already."""
    _log.info(event.value, **told)
