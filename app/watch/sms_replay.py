"""Replay recorded SMS against other rules, in memory: which would have been refused, and which of those were honest.

It knows only what is recorded: a known device's lane is not distinguished from other confirmed ones, deleted users have
no limits, and whether the code of a refused SMS would have been answered is unknown, so it never opens the conversion
breaker.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product, takewhile

from app.messages import Delivery
from app.store.sends import NOT_SENT, Send, Tried
from app.watch.sms_counts import counts, networks, number_in_lane
from app.watch.sms_rules import MEMORY, Rules, SmsRules, end_of

_NOTHING = timedelta(0)
_ANY_LANE = ""


@dataclass
class Outcome:
    """Money in millionths. `honest`: refused though its code was answered right at the time."""

    asked: int = 0
    sent_then: int = 0
    refused: int = 0
    honest: int = 0
    spend_then: int = 0
    spend: int = 0
    by_limit: Counter[str] = field(default_factory=Counter)
    by_region: Counter[str] = field(default_factory=Counter)


class Replay:
    """*regions*: the only ones that are served; None for all."""

    def __init__(self, rules: SmsRules, *, regions: Collection[str] | None = None) -> None:
        self._rules = rules
        self._regions = regions
        self._full_at: dict[object, datetime] = {}
        self._money: Counter[object] = Counter()
        self._numbers: dict[str, dict[bytes, datetime]] = defaultdict(dict)
        self._longest = max((window for _, window in rules.numbers), default=_NOTHING)
        self._sent: dict[bytes, list[Send]] = defaultdict(list)
        self._blocked: dict[bytes, datetime] = {}
        self._answered_later: dict[str, list[datetime]] = defaultdict(list)
        self.outcome = Outcome()

    def play(self, send: Send) -> str | None:
        """Return which limit refuses *send*, if any. Sends are played in the order of their times."""
        outcome, price = self.outcome, self._rules.price(send.region)
        refused_by = self._judge(send, price)
        outcome.asked += 1
        outcome.sent_then += send.delivery not in NOT_SENT
        outcome.spend_then += send.price
        if refused_by is None:
            outcome.spend += price
            self._take(send, price)
            return None
        outcome.refused += 1
        outcome.honest += send.verified_at is not None
        outcome.by_limit[refused_by] += 1
        outcome.by_region[send.region] += 1
        return refused_by

    def _judge(self, send: Send, price: int) -> str | None:
        if self._regions is not None and send.region not in self._regions:
            return "regions"
        if not send.confirmed and self._is_pumped(send):
            return "conversion"
        if not send.confirmed and self._too_many_numbers(send):
            return "numbers"
        self._forgive(send)
        at = send.created_at
        for limit, key, rules in self._counted(send):
            if any(self._fill(limit, key, rule, at) - at > rule[1] for rule in rules):
                return limit
        return None if self._affords(send, price) else "budget"

    def _counted(self, send: Send) -> Iterator[tuple[str, str, Rules]]:
        """Yield each limit that a send takes from, its key, and its rules."""
        for limit, key, times in counts(send, _ANY_LANE):
            yield limit, key, [(times * allowed, window) for allowed, window in self._rules.counted[limit]]

    def _fill(self, limit: str, key: str, rule: tuple[int, timedelta], at: datetime) -> datetime:
        """The bucket's `full_at` with one more take."""
        allowed, window = rule
        return max(self._full_at.get((limit, key, window), at), at) + window / allowed

    def _take(self, send: Send, price: int) -> None:
        at = send.created_at
        for limit, key, rules in self._counted(send):
            for rule in rules:
                self._full_at[limit, key, rule[1]] = self._fill(limit, key, rule, at)
        for purse in self._purses(send, price):
            self._money[purse] += price
        if send.verified_at is not None:
            self._answered_later[number_in_lane(send, _ANY_LANE)].append(send.verified_at)
        if not send.confirmed:
            self._sent[send.prefix_index].append(send)
            for network, _ in networks(send):
                self._numbers[network].pop(send.number_index, None)
                self._numbers[network][send.number_index] = at

    def _forgive(self, send: Send) -> None:
        """Take sends that were answered right by now off their number's limits."""
        whose, at = number_in_lane(send, _ANY_LANE), send.created_at
        waiting = self._answered_later.pop(whose, [])
        if left := [answered for answered in waiting if answered > at]:
            self._answered_later[whose] = left
        for allowed, window in self._rules.counted["number"] if len(left) < len(waiting) else ():
            bucket = ("number", whose, window)
            self._full_at[bucket] = self._full_at.get(bucket, at) - (len(waiting) - len(left)) * window / allowed

    def _affords(self, send: Send, price: int) -> bool:
        return all(self._money[purse] + price <= most for purse, most in self._purses(send, price).items())

    def _purses(self, send: Send, price: int) -> dict[object, int]:
        """The whole budget, and the shares of it for unconfirmed numbers and for the user, in each window."""
        purses: dict[object, int] = {}
        for most, window in self._rules.budget:
            end = end_of(window, send.created_at)
            purses[window, end] = most
            if not send.confirmed:
                purses[window, end, "unconfirmed"] = self._rules.share(most)
            if send.user_id:
                purses[window, end, send.user_id] = self._rules.share_of_user(most, price)
        return purses

    def _too_many_numbers(self, send: Send) -> bool:
        for (network, times), (allowed, window) in product(networks(send), self._rules.numbers):
            others = self._still_counted(network, send.created_at).items()
            recent = [one for one, at in others if at > send.created_at - window and one != send.number_index]
            if len(recent) >= times * allowed:
                return True
        return False

    def _still_counted(self, network: str, at: datetime) -> dict[bytes, datetime]:
        """The network's numbers, the oldest first, without those that are older than any window."""
        numbers, since = self._numbers[network], at - self._longest
        for old in [*takewhile(lambda one: numbers[one] <= since, numbers)]:
            del numbers[old]
        return numbers

    def _is_pumped(self, send: Send) -> bool:
        prefix, at = send.prefix_index, send.created_at
        blocked_until = self._blocked.get(prefix, at - MEMORY)
        if blocked_until > at:
            return True
        since = max(at - MEMORY, blocked_until)
        recent = [one for one in self._sent[prefix] if one.created_at >= since]
        self._sent[prefix] = recent
        if not self._rules.is_pumped(self._tried(recent, at)):
            return False
        self._blocked[prefix] = at + self._rules.block
        return True

    def _tried(self, sent: Sequence[Send], at: datetime) -> list[Tried]:
        """The numbers of *sent*, the newest first, and whether any code to each was answered by now."""
        tried: dict[bytes, Tried] = {}
        for send in reversed(sent):
            if (answered := self._answered(send, at)) is not None:
                known = tried.get(send.number_index, Tried(answered=False, networks=frozenset()))
                tried[send.number_index] = Tried(
                    answered=known.answered or answered, networks=known.networks | {send.wider_network}
                )
        return list(tried.values())[: self._rules.sample]

    def _answered(self, send: Send, at: datetime) -> bool | None:
        """Whether the code was answered by *at*; None while it still may be, and for what was not really sent."""
        if send.delivery in NOT_SENT:
            return None
        if send.verified_at is not None and send.verified_at <= at:
            return True
        over = send.created_at <= at - self._rules.code_life or send.delivery == Delivery.UNDELIVERED
        return False if over else None
