"""How often a password may be guessed. A failure is counted before the password is checked, and given back when it was right.

For each network an account has a delay, which grows with the streak of failures; the account and each network also have a limit.
A known device is counted apart, and no stranger's failures lock it: a lock must not be a weapon against the owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.crypto.vault import Vault
from app.events import Event
from app.problems import RateLimited
from app.settings.limits import LimitSettings, Mode
from app.store import limits, throttles, tries
from app.store.database import Database, Tx
from app.store.limits import Bucket, Taken
from app.store.throttles import Delays
from app.visitor import Visitor
from app.watch import audit
from app.watch.stuffing import Stuffing
from app.watch.tries import Tries, Try, modes, whose_of_strangers
from app.watch.walls import Closed, Wall

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt took: from limits, and a failure in its streak, which may not grow before `free_at` (None: not counted)."""

    trying: Try
    free_at: datetime | None
    takes: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What was spent, and the limits that had no room for it, with how long each has none."""

    spent: Spent
    exceeded: dict[str, timedelta]


class Throttle:
    """*network*: whether the limits of networks are enforced."""

    def __init__(self, settings: LimitSettings, *, network: Mode, database: Database, vault: Vault) -> None:
        self._database = database
        self._modes = modes(settings, network=network)
        self._delays = Delays(settings.login_delay_at, settings.login_delays, settings.login_delay_forgotten)
        self._tries = Tries(settings, database=database, vault=vault)
        self._stuffing = Stuffing(settings, database=database, vault=vault)
        self._wall = Wall()

    def refuse_again(self, account: str, visitor: Visitor, *, at: datetime) -> None:
        """Repeat, without a query, a refusal that this unknown device got within the last second. Raises RateLimited."""
        self._refuse_again(whose_of_strangers(account, visitor), at)

    async def spend(self, account: str, visitor: Visitor, *, known: UUID | None, at: datetime) -> Spent:
        """Count a failure in advance, committed. Raises RateLimited, and counts nothing, after too many.

        *account* is a folded e-mail address, known here or not; *known* is a device or a session of that user.
        """
        trying, surge = self._tries.of(account, visitor, known), self._stuffing.failed(at)
        first_of = {} if known else self._stuffing.buckets(visitor)
        async with self._wall.turn(trying.turn):
            self._refuse_again(trying.whose, at)
            tried = await self._database.run(lambda tx: self._take(tx, trying, surge, first_of, at))
        for name in tried.exceeded:
            if name in self._modes:
                audit.note(Event.LIMIT_EXCEEDED, limit=name, mode=self._modes[name])
            else:
                await self._stuffing.suspect(name, visitor, at=at)
        return tried.spent

    async def _take(
        self, tx: Tx, trying: Try, surge: Mapping[Bucket, str], first_of: Mapping[Bucket, str], at: datetime
    ) -> Tried:
        """Count the failure; the first one in a row also counts the account among those of its network that fail."""
        always, owners = {**trying.owners, **surge}, {**trying.owners, **surge, **first_of}
        failures, takes = await tries.spend(
            tx, trying.row, delays=self._delays, takes=list(always), by_first=list(first_of), at=at
        )
        delayed = {trying.delay: failures.wait} if failures.wait else {}
        self._refuse(trying, delayed, at)
        if delayed:  # by a delay that is only recorded
            takes = await limits.count(tx, list(always), at=at)
        used_up = _used_up(takes, owners, at)
        self._refuse(trying, used_up, at)
        await limits.give_back(tx, [taken for taken in takes if owners[taken.bucket] in used_up], at=at)
        kept = tuple(taken for taken in takes if owners[taken.bucket] not in used_up)
        return Tried(Spent(trying, None if failures.wait else failures.free_at, kept), delayed | used_up)

    async def undo(self, spent: Spent, *, at: datetime) -> None:
        """Take this one failure back, and nothing else: the password was not checked after all."""
        await self._database.run(lambda tx: self._take_back(tx, spent, at))
        self._given_back(spent)

    async def _take_back(self, tx: Tx, spent: Spent, at: datetime) -> None:
        if spent.free_at:
            await throttles.undo(tx, spent.trying.row, free_at=spent.free_at, at=at)
        await limits.give_back(tx, spent.takes, at=at)

    async def refund(self, spent: Spent, *, at: datetime) -> None:
        """The password was right: end the streak of failures, give back what it took from limits, and count the success.

        Raises RateLimited after too many successes: only whoever knows the password is ever told so.
        """
        success = spent.trying.success
        takes = await self._database.once(
            lambda tx: tries.refund(tx, spent.trying.row, back=spent.takes, takes=list(success), at=at)
        )
        self._given_back(spent)
        exceeded = _used_up(takes, success, at)
        if not exceeded:
            return
        await self._database.once(lambda tx: limits.give_back(tx, takes, at=at))
        if any(self._modes[name] == "enforce" for name in exceeded):
            self._raise(exceeded)
        for name in exceeded:
            audit.note(Event.LIMIT_EXCEEDED, limit=name, mode=self._modes[name])

    async def forgive(self, tx: Tx, account: str, *, networks: Iterable[str], known: Iterable[UUID]) -> None:
        """End the streaks of failures of *account* from those networks, devices and sessions; empty its own limits."""
        for row in self._tries.rows(account, networks=networks, known=known):
            await throttles.clear(tx, row)
        await limits.empty(tx, self._tries.own_buckets(account))

    def _given_back(self, spent: Spent) -> None:
        self._stuffing.undo()
        self._wall.open(spent.trying.whose.items())

    def _refuse(self, trying: Try, exceeded: Mapping[str, timedelta], at: datetime) -> None:
        """Raise RateLimited, which undoes the attempt, if any of these limits is enforced."""
        enforced = {name: wait for name, wait in exceeded.items() if self._modes.get(name) == "enforce"}
        for name, wait in enforced.items():
            self._wall.close((name, trying.whose[name]), Closed(at, at + wait))
        if enforced:
            self._raise(enforced)

    def _refuse_again(self, limited: Mapping[str, str], at: datetime) -> None:
        """Raise RateLimited, without a transaction, for what was refused within the last second."""
        standing = {whose: self._wall.stands(whose, at=at) for whose in limited.items()}
        waits = {name: closed.until - at for (name, _), closed in standing.items() if closed}
        if waits:
            self._raise(waits)

    def _raise(self, waits: Mapping[str, timedelta]) -> None:
        name = max(waits, key=lambda name: waits[name])
        audit.note(Event.LIMIT_EXCEEDED, limit=name, mode="enforce")
        raise RateLimited(retry_after=waits[name])


def _used_up(takes: list[Taken], owners: Mapping[Bucket, str], at: datetime) -> dict[str, timedelta]:
    """The limits that had no room, and for how long."""
    late = sorted((taken for taken in takes if taken.late(at) > _NOTHING), key=lambda taken: taken.late(at))
    return {owners[taken.bucket]: taken.late(at) for taken in late}
