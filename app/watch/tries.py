"""The limits that an attempt at a password takes from: its account's and its network's, or a known device's."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.crypto.vault import Vault
from app.settings.limits import LimitSettings, Mode
from app.store.database import Database
from app.store.limits import Bucket
from app.visitor import Visitor
from app.watch.limits import Limit

_PAIR, _ACCOUNT, _SUCCESSES = "login account and network", "login account", "login successes"
_KNOWN, _ALL_KNOWN = "login known device", "login known devices of an account"
_KNOWN_SUCCESSES = "login successes of known devices"
_NETWORK, _WIDER_NETWORK = "login network", "login wider network"


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt: its streak of failures (*row*), the name of its *delay*, the limits it takes from, and whom they limit.

    A right password takes from *success*. *turn*: attempts with the same one queue for the database.
    """

    delay: str
    row: bytes
    whose: dict[str, str]
    owners: dict[Bucket, str]
    success: dict[Bucket, str]
    turn: str


def modes(settings: LimitSettings, *, network: Mode) -> dict[str, Mode]:
    """The mode of each limit."""
    own = (_KNOWN, _ALL_KNOWN, _PAIR, _ACCOUNT, _SUCCESSES, _KNOWN_SUCCESSES)
    return dict.fromkeys(own, settings.login) | dict.fromkeys((_NETWORK, _WIDER_NETWORK), network)


class Tries:
    def __init__(self, settings: LimitSettings, *, database: Database, vault: Vault) -> None:
        self._vault = vault
        failures, successes = settings.login_failures, settings.login_successes
        own = {_ACCOUNT: failures, _ALL_KNOWN: failures, _SUCCESSES: successes, _KNOWN_SUCCESSES: successes}
        around = {_NETWORK: settings.network_failures, _WIDER_NETWORK: settings.wider_network_failures}
        self._limits = {
            name: Limit(name, rules, database=database, vault=vault, volatile=name in around)
            for name, rules in (own | around).items()
        }

    def of(self, account: str, visitor: Visitor, known: UUID | None) -> Try:
        """*account* is a folded e-mail address, known here or not; *known* is a device or a session of that user."""
        if known:
            return self._of_known(account, known)
        whose = whose_of_strangers(account, visitor)
        return Try(
            delay=_PAIR,
            row=self._row(_PAIR, whose[_PAIR]),
            whose=whose,
            owners=self._buckets({name: key for name, key in whose.items() if name != _PAIR}),
            success=self._buckets({_SUCCESSES: account}),
            turn=visitor.wider_network,
        )

    def rows(self, account: str, *, networks: Iterable[str], known: Iterable[UUID]) -> list[bytes]:
        """The keys of the streaks of failures of *account* from those networks, devices and sessions."""
        pairs = [self._row(_PAIR, _pair(account, network)) for network in networks]
        return sorted([*pairs, *(self._row(_KNOWN, str(one)) for one in known)])

    def own_buckets(self, account: str) -> list[Bucket]:
        """The buckets that are the account's alone."""
        return list(self._buckets(dict.fromkeys((_ACCOUNT, _ALL_KNOWN, _SUCCESSES, _KNOWN_SUCCESSES), account)))

    def _of_known(self, account: str, known: UUID) -> Try:
        """One limit for all known devices and sessions of an account: whoever holds one of them can make others."""
        device, takes = str(known), {_ALL_KNOWN: account}
        return Try(
            delay=_KNOWN,
            row=self._row(_KNOWN, device),
            whose={_KNOWN: device, **takes},
            owners=self._buckets(takes),
            success=self._buckets({_KNOWN_SUCCESSES: account}),
            turn=device,
        )

    def _row(self, delay: str, whose: str) -> bytes:
        return self._vault.index(whose, of=f"delay {delay}")

    def _buckets(self, takes: dict[str, str]) -> dict[Bucket, str]:
        return {bucket: name for name, key in takes.items() for bucket in self._limits[name].buckets(key)}


def whose_of_strangers(account: str, visitor: Visitor) -> dict[str, str]:
    """The keys that an attempt from an unknown device is counted under, by limit."""
    whose = {_PAIR: _pair(account, visitor.network), _ACCOUNT: account, _NETWORK: visitor.network}
    if visitor.wider_network != visitor.network:  # an IPv4 network has no wider one
        whose[_WIDER_NETWORK] = visitor.wider_network
    return whose


def _pair(account: str, network: str) -> str:
    return f"{account} {network}"
