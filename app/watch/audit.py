"""What happened, for those who look later: one line an event, told after the fact is committed and never with a secret.

Besides, the event goes into the record that is open around it: that of a request, a job or a verb (`trail`). There, refusals
that are alike are told together (`aggregated`).
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
"""What happens so often that its rows are written together, a second later: it changes nothing that its session does not show."""
_log = logger("gatehouse.audit")

Facts: TypeAlias = dict[str, str | Published]


@dataclass(slots=True)
class Whence:
    """The request in which something happened. Who asks is found out once there is anything to write.

    *about*: the users whom it names so far, by their ids.
    """

    request_id: str | None = None
    visitor: Callable[[], Visitor] | None = None
    about: set[str] = field(default_factory=set, compare=False)

    @property
    def user(self) -> str:
        """Whom it is about, if that is one: what is noted without a user must not outlive them either."""
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
    """The events of one request, until they are written; *late* takes those that come after, or are in no hurry.

    What is noted within it (`with`), and by tasks that begin within, goes into it; what is in it at the end comes late.
    *collect* says whether it took an event, to be told with others that are alike.
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
        """Take what there is; whatever comes now is late."""
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
    """Say whom the request is about: the network address of what it notes without a user goes with them, too."""
    record = _open.get()
    if record and record.whence.visitor:  # what no request did has no address; and a job's record never ends
        record.whence.about.add(str(user_id))


def tell(event: Event, told: Facts) -> None:
    """The line of an event, which is counted already."""
    _log.info(event.value, **told)


def _fact(name: str, fact: object) -> str | Published:
    """An id is no token, a count of six digits no code, and an operator's name no user's address, whatever they look like."""
    if isinstance(fact, Published):
        return fact
    if name == _WORDS and isinstance(fact, str):
        return told_by_operator(fact)
    is_no_secret = isinstance(fact, UUID | int | float) and not isinstance(fact, bool)
    return Published(str(fact)[:MOST_CHARACTERS]) if is_no_secret or name == _OPERATOR else str(fact)
