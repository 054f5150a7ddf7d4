"""Security events: one log line per event, written after its change is committed, and never with a secret.

The event also goes into the record that is open around it: that of a request, a job or a command (`trail`). There, refusals
that are alike are aggregated (`aggregated`).
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypeAlias
from uuid import UUID

from app.clock import Clock
from app.crypto.chance import new_id
from app.events import Event
from app.visitor import Visitor
from app.watch import metrics
from app.watch.logs import logger
from app.watch.redaction import MOST_CHARACTERS, Published, told_by_operator

_OPERATOR, _WORDS = "by", "reason"
_UNHURRIED = {Event.SESSION_REFRESHED}
"""Events so frequent that their rows are written in batches, a second later: what they changed, the session shows, too."""
_log = logger("gatehouse.audit")

Facts: TypeAlias = dict[str, str | Published]


@dataclass(slots=True)
class Whence:
    """The request in which something happened. *visitor* is called only once there is something to write.

    *about*: the ids of the users that it has named so far.
    """

    request_id: str | None = None
    visitor: Callable[[], Visitor] | None = None
    about: set[str] = field(default_factory=set, compare=False)

    @property
    def user(self) -> str:
        """The one user whom it is about, if it is one: events noted without a user must not outlive them either."""
        return next(iter(self.about)) if len(self.about) == 1 else ""


@dataclass(frozen=True, slots=True)
class Noted:
    id: UUID
    at: datetime
    event: Event
    facts: Facts
    whence: Whence


Collect: TypeAlias = Callable[[Event, Facts, Whence], bool]


@dataclass(slots=True)
class Record:
    """The events of one request, until they are written; *late* takes those that come after, or are not urgent.

    What is noted within its `with` block, and by tasks that begin there, goes into it; what is left at its end goes to
    *late*. *collect* returns whether it took an event, to aggregate it with others that are alike.
    """

    clock: Clock
    whence: Whence
    late: Callable[[Noted], None]
    collect: Collect
    closed: bool = False
    events: list[Noted] = field(default_factory=list)
    around: "Record | None" = field(default=None, init=False)

    def __enter__(self) -> Self:
        self.around = _open.get()
        _open.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _open.set(self.around)
        for noted in self.close():
            self.late(noted)

    def add(self, event: Event, facts: Facts) -> None:
        at = self.clock.now()
        noted = Noted(new_id(at), at, event, facts, self.whence)
        if self.closed or event in _UNHURRIED:
            self.late(noted)
        else:
            self.events.append(noted)

    def close(self) -> list[Noted]:
        """Return the events, and close the record: from now on they go to *late*."""
        self.closed = True
        events, self.events = self.events, []
        return events


_open: ContextVar[Record | None] = ContextVar("audit record", default=None)


def note(event: Event, **facts: object) -> None:
    """Note *event* with ids and outcomes; what is a secret or a person's data has no place in *facts*."""
    told = {name: _fact(name, fact) for name, fact in facts.items() if fact is not None}
    metrics.event(event, facts)
    if user_id := facts.get("user_id"):
        about(user_id)
    record = _open.get()
    if record and record.collect(event, told, record.whence):
        return
    tell(event, told)
    if record:
        record.add(event, told)


def about(user_id: object) -> None:
    """Record whom the request is about, so that the address in its events without a user is erased with them, too."""
    record = _open.get()
    if record and record.whence.visitor:  # what no request did has no address; and a job's record never ends
        record.whence.about.add(str(user_id))


def tell(event: Event, told: Facts) -> None:
    """Write the log line of an event that metrics have counted already."""
    _log.info(event.value, **told)


def _fact(name: str, fact: object) -> str | Published:
    """Exempt ids, numbers and operators' names from redaction, even if they look like tokens, codes or addresses."""
    if isinstance(fact, Published):
        return fact
    if name == _WORDS and isinstance(fact, str):
        return told_by_operator(fact)
    is_no_secret = isinstance(fact, UUID | int | float) and not isinstance(fact, bool)
    return Published(str(fact)[:MOST_CHARACTERS]) if is_no_secret or name == _OPERATOR else str(fact)
