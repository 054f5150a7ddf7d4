"""What an operator may see of users: never a secret, and of a phone only its end."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.clock import Clock
from app.crypto.vault import CannotOpen
from app.events import Event
from app.flows.newcomers import written
from app.flows.operator import find
from app.flows.states import States
from app.settings.groups import TokenSettings
from app.store import devices, email_undos, enrollments, session_lists, user_lists
from app.store.database import Database
from app.store.devices import Device
from app.store.email_undos import EmailUndo
from app.store.enrollments import Enrollment
from app.store.records import values
from app.store.session_lists import Listed
from app.store.user_lists import Lock
from app.store.users import User
from app.watch import audit

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """An enrolled factor, as its owner sees it."""

    enrollment: Enrollment
    destination: str | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Account:
    user: User
    factors: tuple[Held, ...]
    sessions: tuple[Listed, ...]
    devices: tuple[Device, ...]
    locks: tuple[Lock, ...]
    left: tuple[EmailUndo, ...]
    """Addresses that they had, and may get back."""


@dataclass(frozen=True)
class Looking:
    settings: TokenSettings
    database: Database
    clock: Clock
    states: States

    async def show(self, who: str) -> Account:
        """*who* is an address or an id, here as everywhere. Raises UnknownUser."""
        async with self.database.read() as tx:
            user = await find(tx, who)
            enrolled = await enrollments.of_user(tx, user.id)
            at, idle = self.clock.now(), self.settings.refresh_idle
            open_ = await session_lists.of_user(tx, user.id, idle=idle, at=at)
            known = await devices.of_user(tx, user.id)
            locks = await user_lists.locks_of(tx, user.id)
            left = await email_undos.of_user(tx, user.id, at=at)
        factors = tuple(map(self._held, enrolled))
        return Account(user, factors, tuple(open_), tuple(known), tuple(locks), tuple(left))

    def _held(self, enrollment: Enrollment) -> Held:
        told = self.states.describe(enrollment)
        return Held(enrollment, told.destination, told.remaining)

    async def page(
        self, *, query: str | None, active: bool | None, after: UUID | None, most: int
    ) -> tuple[list[User], UUID | None]:
        """A page, and what the next one begins behind; None behind the last."""
        async with self.database.read() as tx:
            found = await user_lists.page(tx, after=after, most=most + 1, query=query, active=active)
        return found[:most], found[most - 1].id if len(found) > most else None

    async def export(self, *, with_hashes: bool, left_out: Counter[str]) -> AsyncIterator[dict[str, Any]]:
        """Everybody, as an import takes them, after `note_export`. Factors that cannot be opened are counted by kind, and *left_out*."""
        after: UUID | None = None
        while True:
            async with self.database.read() as tx:
                found = await user_lists.page(tx, after=after, most=_PAGE)
                factors = await user_lists.factors_of(tx, [user.id for user in found])
            secrets, enrolled = self._secrets(factors, left_out), {one.user_id for one in factors}
            for user in found:
                theirs = secrets.get(user.id, {})
                yield written(values(user), theirs, enrolled=user.id in enrolled, with_hashes=with_hashes)
            if len(found) < _PAGE:
                return
            after = found[-1].id

    def note_export(self, *, with_hashes: bool, by: str, reason: str | None) -> None:
        """To be written before anything leaves."""
        audit.note(Event.USERS_EXPORTED, with_hashes=with_hashes, by=by, reason=reason)

    def _secrets(self, factors: list[Enrollment], left_out: Counter[str]) -> dict[UUID, dict[str, str]]:
        """What an import takes of each factor, by user and kind."""
        told: dict[UUID, dict[str, str]] = {}
        for one in factors:
            try:
                secret = self.states.factors.known(one.kind).hand_over(self.states.open(one))
            except CannotOpen:
                left_out[one.kind] += 1
                continue
            if secret:
                told.setdefault(one.user_id, {})[one.kind] = secret
        return told
