"""How limits are written: `5/minute;20/hour`, `3/10minute`; and conversions: `0/10;2/20`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

_RULE = re.compile(
    r"(?P<allowed>[1-9][0-9]{0,8})/(?P<times>[1-9][0-9]{0,3})?(?P<unit>second|minute|hour|day)", re.ASCII
)
_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_CONVERSION = re.compile(r"(?P<most>[0-9]{1,3})/(?P<of>[1-9][0-9]{0,2})", re.ASCII)


def read_rules(text: str) -> list[tuple[int, timedelta]]:
    """How many within how long, for each rule of *text*. Raises ValueError with an example for anything else."""
    found = [_RULE.fullmatch(rule.strip()) for rule in text.split(";")]
    rules = [(int(rule["allowed"]), int(rule["times"] or 1) * _UNITS[rule["unit"]]) for rule in found if rule]
    if len({window for _, window in rules}) < len(found):
        raise ValueError("A limit is written like 5/minute;20/hour, each window once.")
    return rules


def read_conversion(text: str) -> list[tuple[int, int]]:
    """At most so many right answers of so many, for each rule of *text*. Raises ValueError with an example."""
    found = [_CONVERSION.fullmatch(rule.strip()) for rule in text.split(";")]
    rules = [(int(rule["most"]), int(rule["of"])) for rule in found if rule]
    if len(rules) < len(found) or any(most >= of for most, of in rules):
        raise ValueError("A conversion is written like 0/10;2/20, right answers of codes.")
    return rules


def _rules(text: str) -> str:
    read_rules(text)
    return text


def _conversion(text: str) -> str:
    read_conversion(text)
    return text


WrittenRules = Annotated[str, AfterValidator(_rules)]
WrittenConversion = Annotated[str, AfterValidator(_conversion)]
