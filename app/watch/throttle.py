"""How often a password may be guessed. A failure is counted before the password is looked at, and given back when it was right.

An account has a delay a network, growing with the failures in a row, and a limit of its own; a network has one over all accounts.
A known device has a lane of its own, which no stranger's failures close: a lock must not be a weapon against the owner.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.crypto.vault import Vault
from app.events import Event
from app.problems import RateLimited
from app.settings.limits import LimitSettings, Mode
from app.store import limits, throttles
from app.store.database import Database, Tx
from app.store.limits import Bucket, Taken
from app.store.throttles import Delays
from app.visitor import Visitor
from app.watch import audit
from app.watch.limits import Limit
from app.watch.stuffing import Stuffing

_PAIR, _ACCOUNT = "login account and network", "login account"
_KNOWN, _ALL_KNOWN = "login known device", "login known devices of an account"
_NETWORK, _WIDER_NETWORK = "login network", "login wider network"
_STUFFING = "login stuffing"
"""No limit that anybody is told of: what exceeds it is suspected, and passes."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt took: a failure in the row of its *lane*, which may not be added to before `free_at`; and from limits."""

    lane: bytes
    free_at: datetime
    takes: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Try:
    """Whose row of failures this is one of, and what it takes from: the names of limits by their buckets.

    `first_of` is taken from besides by the first one of a row.
    """

    lane: str
    row: bytes
    owners: dict[Bucket, str]
    first_of: dict[Bucket, str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What was taken, and the limits that had no room for it, with how long each has none."""

    takes: tuple[Taken, ...]
    exceeded: dict[str, timedelta]
    free_at: datetime


class Throttle:
    """*network*: whether the limits of networks are enforced."""

    def __init__(self, settings: LimitSettings, *, network: Mode, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._modes = dict.fromkeys((_KNOWN, _ALL_KNOWN, _PAIR, _ACCOUNT), settings.login)
        self._modes |= {_NETWORK: network, _WIDER_NETWORK: network, _STUFFING: "record_only"}
        self._delays = Delays(settings.login_delay_at, settings.login_delays, settings.login_delay_forgotten)
        self._account = Limit(_ACCOUNT, settings.login_failures, database=database, vault=vault)
        self._all_known = Limit(_ALL_KNOWN, settings.login_failures, database=database, vault=vault)
        self._network = Limit(_NETWORK, settings.network_failures, database=database, vault=vault, volatile=True)
        self._wider_network = Limit(
            _WIDER_NETWORK, settings.wider_network_failures, database=database, vault=vault, volatile=True
        )
        self._stuffing = Stuffing(settings, database=database, vault=vault)

    async def spend(self, account: str, visitor: Visitor, *, known: UUID | None, at: datetime) -> Spent:
        """Count a failure in advance, committed. Raises RateLimited, and counts nothing, after too many.

        *account* is a folded e-mail address, known here or not; *known* is a device or a session of that user.
        """
        self._stuffing.failed(at)
        lane, row = self._lane(account, visitor, known)
        owners = self._buckets_of_known(account) if known else self._buckets(account, visitor)
        first_of = {} if known else dict.fromkeys(self._stuffing.buckets(visitor), _STUFFING)
        tried = await self._database.run(lambda tx: self._take(tx, Try(lane, row, owners, first_of), at))
        for name in tried.exceeded:
            if name != _STUFFING:
                audit.note(Event.LIMIT_EXCEEDED, limit=name, mode=self._modes[name])
        if _STUFFING in tried.exceeded:
            await self._stuffing.suspect(visitor, at=at)
        return Spent(row, tried.free_at, tried.takes)

    async def _take(self, tx: Tx, trying: Try, at: datetime) -> Tried:
        """Count the failure; the first one in a row counts its account among those of the network, too."""
        failures = await throttles.spend(tx, trying.row, delays=self._delays, at=at)
        delayed = {trying.lane: failures.wait} if failures.wait else {}
        self._refuse(delayed)
        owners = trying.owners | (trying.first_of if failures.streak == 1 else {})
        takes = await limits.count(tx, list(owners), at=at)
        used_up = _used_up(takes, owners, at)
        self._refuse(used_up)
        await limits.give_back(tx, [taken for taken in takes if owners[taken.bucket] in used_up], at=at)
        kept = tuple(taken for taken in takes if owners[taken.bucket] not in used_up)
        return Tried(kept, delayed | used_up, failures.free_at)

    async def undo(self, spent: Spent, *, at: datetime) -> None:
        """The password was not looked at after all: take this one failure back, and nothing else."""
        self._stuffing.undo()
        await self._database.run(lambda tx: self._take_back(tx, spent, at))

    async def _take_back(self, tx: Tx, spent: Spent, at: datetime) -> None:
        await throttles.undo(tx, spent.lane, free_at=spent.free_at, at=at)
        await limits.give_back(tx, spent.takes, at=at)

    async def refund(self, spent: Spent, *, at: datetime) -> None:
        """The password was right: end the row of failures, and give back what was taken from the limits."""
        self._stuffing.undo()
        await self._database.run(lambda tx: self._give_back(tx, spent, at))

    async def _give_back(self, tx: Tx, spent: Spent, at: datetime) -> None:
        await throttles.clear(tx, spent.lane)
        await limits.give_back(tx, spent.takes, at=at)

    def _lane(self, account: str, visitor: Visitor, known: UUID | None) -> tuple[str, bytes]:
        """Whose failures in a row these are, and the key of their row."""
        name, whose = (_KNOWN, str(known)) if known else (_PAIR, f"{account} {visitor.network}")
        return name, self._vault.index(whose, of=f"delay {name}")

    def _buckets(self, account: str, visitor: Visitor) -> dict[Bucket, str]:
        """What is taken from, and the name of its limit. An IPv4 network has no wider one."""
        taken_from = {self._account: account, self._network: visitor.network}
        if visitor.wider_network != visitor.network:
            taken_from[self._wider_network] = visitor.wider_network
        return {bucket: limit.name for limit, key in taken_from.items() for bucket in limit.buckets(key)}

    def _buckets_of_known(self, account: str) -> dict[Bucket, str]:
        """One for all known devices and sessions of an account: whoever holds one of them can make others."""
        return dict.fromkeys(self._all_known.buckets(account), _ALL_KNOWN)

    def _refuse(self, exceeded: dict[str, timedelta]) -> None:
        """Raise RateLimited, which undoes the attempt, if any of these limits is enforced."""
        enforced = {name: wait for name, wait in exceeded.items() if self._modes[name] == "enforce"}
        if enforced:
            name = max(enforced, key=lambda name: enforced[name])
            audit.note(Event.LIMIT_EXCEEDED, limit=name, mode="enforce")
            raise RateLimited(retry_after=enforced[name])


def _used_up(takes: list[Taken], owners: dict[Bucket, str], at: datetime) -> dict[str, timedelta]:
    """The limits that had no room, and for how long."""
    late = sorted((taken for taken in takes if taken.late(at) > timedelta(0)), key=lambda taken: taken.late(at))
    return {owners[taken.bucket]: taken.late(at) for taken in late}
