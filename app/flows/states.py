"""The sealed states of enrolled factors: opened for one decision, sealed again for the row they stand in."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app.crypto.vault import CannotOpen, Place, Vault
from app.events import Event
from app.factors.base import SEALED, Described, Shape
from app.factors.registry import Factors
from app.store.enrollments import Enrollment
from app.watch import audit


@dataclass(frozen=True)
class States:
    vault: Vault
    factors: Factors

    def open(self, enrollment: Enrollment) -> Any:  # noqa: ANN401  each kind has a state of its own
        """Raises CannotOpen for a state that was moved, changed, or sealed under a key that is gone."""
        try:
            plain = self.vault.open(enrollment.state, place=_place(enrollment.id))
            return self.factors.known(enrollment.kind).State.model_validate_json(plain)
        except (CannotOpen, ValidationError):
            audit.note(Event.CANNOT_OPEN, enrollment_id=enrollment.id, user_id=enrollment.user_id)
            raise CannotOpen from None

    def seal(self, enrollment_id: UUID, state: Shape) -> bytes:
        return self.vault.seal(state.model_dump_json().encode(), place=_place(enrollment_id))

    def reseal(self, enrollment: Enrollment) -> bytes:
        """The state under the newest key, byte for byte, whatever is in it. Raises CannotOpen."""
        return self.vault.reseal(enrollment.state, place=_place(enrollment.id))

    def indexes(self, enrollment: Enrollment) -> list[bytes]:
        """The blind indexes of what only one user may hold: the first one is written, each one is looked for."""
        unique = self.factors.known(enrollment.kind).unique(self.open(enrollment))
        return self.vault.indexes(unique, of=enrollment.kind) if unique else []

    def held(self, enrollment: Enrollment) -> dict[str, str | int]:
        """What is kept in it, for its owner; only that there is something, when it cannot be opened."""
        try:
            return self.factors.known(enrollment.kind).held(self.open(enrollment))
        except CannotOpen:
            return {"state": SEALED}

    def describe(self, enrollment: Enrollment) -> Described:
        """What may be shown of it; nothing when it cannot be opened, but it still counts (law 10)."""
        try:
            return self.factors.known(enrollment.kind).describe(self.open(enrollment))
        except CannotOpen:
            return Described()


def _place(enrollment_id: UUID) -> Place:
    return Place("enrollments", "state", enrollment_id)
