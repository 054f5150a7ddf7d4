"""What happened, for those who look later: one line an event, told after the fact is committed and never with a secret."""

from app.events import Event
from app.watch.logs import logger

_log = logger("gatehouse.audit")


def note(event: Event, **facts: object) -> None:
    """Note *event* with ids and outcomes; what is a secret or a person's data has no place in *facts*."""
    _log.info(event.value, **{name: str(fact) for name, fact in facts.items() if fact is not None})
