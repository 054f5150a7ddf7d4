"""The rules of the SMS firewall, read from the settings: limits, prices, and when a prefix converts too badly and is blocked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self, TypeAlias

from app.factors.phones import is_region
from app.settings import Settings
from app.settings.rules import read_conversion, read_rules
from app.settings.sms_limits import SmsLimit
from app.store.sends import Tried

Rules: TypeAlias = Sequence[tuple[int, timedelta]]
MILLIONTHS = 1_000_000
COUNTED: tuple[SmsLimit, ...] = (
    "number",
    "ceiling",
    "user",
    "repeat",
    "prefix",
    "network",
    "country",
    "overall",
    "confirmed_prefix",
    "confirmed_network",
)
"""Limits that count sends within a window, each by a key of its own."""
MEMORY = timedelta(days=1)
"""How long a send counts for the conversion of its prefix."""
_SHARE = 2
_IN_ANY_CASE = 3
_OTHERS = ("numbers", "conversion", "budget")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class SmsRules:
    """Money is in millionths of a currency unit; *conversion*: bad if at most so many numbers answer, of so many."""

    counted: Mapping[str, Rules]
    numbers: Rules
    conversion: Sequence[tuple[int, int]]
    conversion_networks: int
    user_share: int
    block: timedelta
    budget: Rules
    prices: Mapping[str, int]
    code_life: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the rules of *settings*. Raises ValueError, with an example, for rules that cannot be meant."""
        given, prices = settings.sms_limits, settings.sms.prices or {}
        if not all(region == "*" or is_region(region) for region in prices):
            raise ValueError(
                "GATEHOUSE_SMS__PRICES: write regions as ISO 3166 does, such as US, GB or DE, and * for the rest."
            )
        return cls(
            counted={name: read_rules(getattr(given, name)) for name in COUNTED},
            numbers=read_rules(given.numbers),
            conversion=read_conversion(given.conversion),
            conversion_networks=given.conversion_networks,
            user_share=given.user_share,
            block=given.block,
            budget=read_budget(settings.sms.budget),
            prices={region: _millionths(price) for region, price in prices.items()},
            code_life=settings.mfa.code_life,
        )

    def changed(self, name: str, text: str) -> Self:
        """A copy of these rules with one of them changed. Raises ValueError."""
        if name in self.counted:
            return replace(self, counted={**self.counted, name: read_rules(text)})
        if name == "numbers":
            return replace(self, numbers=read_rules(text))
        if name == "conversion":
            return replace(self, conversion=read_conversion(text))
        if name == "budget":
            return replace(self, budget=read_budget(text))
        raise ValueError(f"There is no rule {name!r}: choose among {', '.join((*self.counted, *_OTHERS))}.")

    def price(self, region: str) -> int:
        return self.prices.get(region, self.prices.get("*", 0))

    def share(self, most: int) -> int:
        """What unconfirmed numbers may cost of *most*: pumping must not use up what sign-ins need."""
        return most // _SHARE

    def share_of_user(self, most: int, price: int) -> int:
        """What one user may cost of *most*, at *price* an SMS: nobody spends what everybody needs."""
        return max(most * self.user_share // 100, _IN_ANY_CASE * price)

    @property
    def sample(self) -> int:
        """How many of the newest numbers are looked at."""
        return max(of for _, of in self.conversion)

    def is_pumped(self, tried: Sequence[Tried]) -> bool:
        """Whether a prefix converts too badly: *tried* are its numbers, the newest first."""
        return any(len(tried) >= of and self._is_bad(tried[:of], most) for most, of in self.conversion)

    def _is_bad(self, tried: Sequence[Tried], most: int) -> bool:
        """Unanswered codes block a prefix only when enough networks asked for them; a few have their own limits."""
        silent = [number for number in tried if not number.answered]
        asking = frozenset[bytes]().union(*(number.networks for number in silent))
        return len(tried) - len(silent) <= most and len(asking) >= min(self.conversion_networks, len(silent))


def read_budget(text: str | None) -> Rules:
    return [(most * MILLIONTHS, window) for most, window in read_rules(text)] if text else []


def end_of(window: timedelta, at: datetime) -> datetime:
    """The end of the calendar window (UTC) that *at* is in."""
    return at + window - (at - _EPOCH) % window


def _millionths(price: Decimal) -> int:
    return int(price * MILLIONTHS)
