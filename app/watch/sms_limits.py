"""The limits that an SMS takes from: all counts are taken by one statement, and given back when nothing was sent.

Counts slide (GCRA); money does not: a budget is for a calendar hour or day (UTC), and not a millionth more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from app.crypto.vault import Vault
from app.settings.sms_limits import SmsLimit
from app.store import limits
from app.store.database import Tx
from app.store.limits import Bucket, Taken
from app.store.sends import Send
from app.watch.sms_counts import counts, number_in_lane
from app.watch.sms_rules import SmsRules, end_of

_NOTHING, _MICROSECOND = timedelta(0), timedelta(microseconds=1)
_VOLATILE: frozenset[SmsLimit] = frozenset({"network", "confirmed_network"})


@dataclass(frozen=True, slots=True)
class Take:
    """One take of a limit at *at*: now, or the end of a *window* of the calendar."""

    limit: SmsLimit
    at: datetime
    taken: Taken
    window: timedelta | None = None

    @property
    def is_over(self) -> bool:
        return self.taken.late(self.at) > _NOTHING


class SmsLimits:
    def __init__(self, rules: SmsRules, *, vault: Vault) -> None:
        self._rules = rules
        self._vault = vault

    async def take(self, tx: Tx, send: Send, lane: str, *, at: datetime) -> list[Take]:
        """Take by one statement for all counts, and one for each window of the budget, always in this order."""
        owners = self._buckets(send, lane)
        takes = [Take(owners[taken.bucket], at, taken) for taken in await limits.count(tx, list(owners), at=at)]
        for most, window in self._rules.budget if send.price else ():
            end = end_of(window, at)
            purses = self._purses(send, most, window, end)
            takes += [Take("budget", end, taken, window) for taken in await limits.count(tx, purses, at=end)]
        return takes

    async def give_back(self, tx: Tx, takes: Iterable[Take], *, at: datetime) -> None:
        """Give back by the statements that took them, in their order, so that no two transactions deadlock.

        What has drained from a sliding window is gone; money is given back in full until the end of its window.
        """
        for window, group in groupby(takes, lambda take: take.window):
            given = list(group)
            await limits.give_back(tx, [take.taken for take in given], at=given[0].at if window else at)

    async def forget(self, tx: Tx, answered: Iterable[Send], lane: str, *, at: datetime) -> None:
        """Take answered sends off their number's limits, except what has drained; on the number's ceiling they still count."""
        sent: dict[str, list[datetime]] = {}
        for send in answered:
            sent.setdefault(number_in_lane(send, lane), []).append(send.created_at)
        takes = [
            Taken(bucket, _full_at(bucket, sorted(times)))
            for key, times in sent.items()
            for bucket in self._counted("number", key, cost=len(times))
        ]
        await limits.give_back(tx, takes, at=at)

    def _buckets(self, send: Send, lane: str) -> dict[Bucket, SmsLimit]:
        """The buckets to take from, and the names of their limits."""
        return {
            bucket: limit
            for limit, key, times in counts(send, lane)
            for bucket in self._counted(limit, key, times=times)
        }

    def _counted(self, limit: SmsLimit, key: str, *, times: int = 1, cost: int = 1) -> list[Bucket]:
        volatile = limit in _VOLATILE
        return [
            Bucket(self._key(limit, f"{key} {window}"), times * allowed, window, volatile=volatile, cost=cost)
            for allowed, window in self._rules.counted[limit]
        ]

    def _purses(self, send: Send, most: int, window: timedelta, end: datetime) -> list[Bucket]:
        """The buckets of the whole budget, and of the shares of it for unconfirmed numbers and for the user.

        A bucket's window in microseconds equals its money in millionths, so that money is counted without rounding.
        """
        purses = {"": most, f"user {send.user_id} ": self._rules.share_of_user(most, send.price)}
        if not send.confirmed:
            purses["unconfirmed "] = self._rules.share(most)
        return [
            Bucket(self._key("budget", f"{whose}{window} {end}"), money, money * _MICROSECOND, cost=send.price)
            for whose, money in purses.items()
        ]

    def _key(self, limit: SmsLimit, key: str) -> bytes:
        return self._vault.index(key, of=f"limit sms {limit}")


def _full_at(bucket: Bucket, sent: Sequence[datetime]) -> datetime:
    """When a bucket would be full again had only these sends drawn on it: the most that can be refunded."""
    full_at = sent[0]
    for time in sent:
        full_at = max(full_at, time) + bucket.step / len(sent)
    return full_at
