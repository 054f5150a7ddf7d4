"""The limits that an SMS pays from: all that is counted is taken by one statement, and given back when nothing was sent.

Counts slide (GCRA); money does not: a budget is for an hour or a day of the calendar, by UTC, and not a millionth more.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from app.crypto.vault import Vault
from app.settings.sms_limits import SmsLimit
from app.store import limits
from app.store.database import Tx
from app.store.limits import Bucket, Taken
from app.store.sends import Send
from app.watch.sms_rules import SmsRules, end_of

_NOTHING = timedelta(0)
_UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Take:
    """One of a limit, taken at *at*: now, or the end of a window of the calendar."""

    limit: SmsLimit
    at: datetime
    taken: Taken

    @property
    def is_over(self) -> bool:
        return self.taken.late(self.at) > _NOTHING


class SmsLimits:
    """*lane*: a number's confirmed owner has one for what they know (devices, sessions) and one for everybody else."""

    def __init__(self, rules: SmsRules, *, vault: Vault) -> None:
        self._rules = rules
        self._vault = vault

    async def take(self, tx: Tx, send: Send, lane: str, *, at: datetime) -> list[Take]:
        """One statement for all that is counted, and one for each window of the budget."""
        owners = self._buckets(send, lane)
        takes = [Take(owners[taken.bucket], at, taken) for taken in await limits.count(tx, list(owners), at=at)]
        for most, window in self._rules.budget if send.price else ():
            end = end_of(window, at)
            purses = self._purses(send, most, window, end)
            takes += [Take("budget", end, taken) for taken in await limits.count(tx, purses, at=end)]
        return takes

    async def give_back(self, tx: Tx, takes: Iterable[Take]) -> None:
        for at, group in groupby(takes, lambda take: take.at):
            await limits.give_back(tx, [take.taken for take in group], at=at)

    async def forget(self, tx: Tx, answered: Iterable[Send], lane: str, *, at: datetime) -> None:
        """What was answered right no longer counts on its number's limits."""
        counts = Counter(self._number(send, lane) for send in answered)
        buckets = [bucket for key, sent in counts.items() for bucket in self._counted("number", key, cost=sent)]
        await limits.give_back(tx, [Taken(bucket, at + bucket.step) for bucket in buckets], at=at)

    def _buckets(self, send: Send, lane: str) -> dict[Bucket, SmsLimit]:
        """What is taken from, and the name of its limit."""
        keys: dict[SmsLimit, str] = {"number": self._number(send, lane)}
        if not send.confirmed:
            keys |= {"prefix": send.prefix_index.hex(), "network": send.network_index.hex()}
            keys |= {"country": send.region, "overall": ""}
        return {bucket: limit for limit, key in keys.items() for bucket in self._counted(limit, key)}

    def _number(self, send: Send, lane: str) -> str:
        return f"{send.number_index.hex()} {lane if send.confirmed else _UNCONFIRMED}"

    def _counted(self, limit: SmsLimit, key: str, *, cost: int = 1) -> list[Bucket]:
        return [
            Bucket(self._key(limit, f"{key} {window}"), allowed, window, volatile=limit == "network", cost=cost)
            for allowed, window in self._rules.counted[limit]
        ]

    def _purses(self, send: Send, most: int, window: timedelta, end: datetime) -> list[Bucket]:
        """Everybody's, and that of unconfirmed numbers, which is a part of it."""
        purses = {"": most} if send.confirmed else {"": most, f"{_UNCONFIRMED} ": self._rules.share(most)}
        return [
            Bucket(self._key("budget", f"{whose}{window} {end}"), money, window, cost=send.price)
            for whose, money in purses.items()
        ]

    def _key(self, limit: SmsLimit, key: str) -> bytes:
        return self._vault.index(key, of=f"limit sms {limit}")
