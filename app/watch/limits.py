"""Limits as operators write them: `5/minute;20/hour`. Shared by all replicas, spent before the work they protect."""

import re
from datetime import datetime, timedelta

from app.crypto.vault import Vault
from app.store import limits
from app.store.database import Database
from app.store.limits import Bucket, Full

_RULE = re.compile(r"(?P<allowed>[1-9][0-9]{0,8})/(?P<unit>second|minute|hour|day)", re.ASCII)
_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


def read_rules(text: str) -> list[tuple[int, timedelta]]:
    """How many within how long, for each rule of *text*. Raises ValueError with an example for anything else."""
    found = [_RULE.fullmatch(rule.strip()) for rule in text.split(";")]
    if None in found or len({rule["unit"] for rule in found if rule}) < len(found):
        raise ValueError(f"A limit is written like 5/minute;20/hour, each unit once, not {text!r}.")
    return [(int(rule["allowed"]), _UNITS[rule["unit"]]) for rule in found if rule]


class Limit:
    """One limit: *name* keeps its buckets apart from every other limit's. Those of a *volatile* one do not survive a crash."""

    def __init__(self, name: str, rules: str, *, database: Database, vault: Vault, volatile: bool = False) -> None:
        self.name = name
        self._rules = read_rules(rules)
        self._database = database
        self._vault = vault
        self._volatile = volatile

    def buckets(self, key: str) -> list[Bucket]:
        """What one take for *key* is taken from: a bucket a rule."""
        return [
            Bucket(self._vault.index(f"{key} {window}", of=f"limit {self.name}"), allowed, window, self._volatile)
            for allowed, window in self._rules
        ]

    async def allows(self, key: str, *, at: datetime) -> bool:
        """Take one for *key*, or nothing at all when any of the rules is used up. In a transaction of its own, kept."""
        try:
            async with self._database.begin() as tx:
                await limits.take(tx, self.buckets(key), at=at)
        except Full:
            return False
        return True
