"""Sessions that a committed transaction ended: known in this process at once, to the others by the feed, and noted each."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.events import Event
from app.watch import audit
from app.watch.revocations import Revocations

FACTOR_CHANGE = "factor_change"
"""A factor came, went or was replaced."""


@dataclass(frozen=True)
class Ended:
    revocations: Revocations

    def __call__(self, session_ids: Iterable[UUID], *, user_id: UUID | None, reason: str) -> None:
        for session_id in session_ids:
            self.revocations.add(session_id)
            audit.note(Event.SESSION_ENDED, user_id=user_id, session_id=session_id, reason=reason)
