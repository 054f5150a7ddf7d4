"""Which schemes stored passwords are under, tried out now and then: a refused sign-in takes as long as the slowest (law 7)."""

import asyncio
from dataclasses import dataclass
from itertools import product

from app.crypto.passwords import PROBES, Passwords
from app.crypto.pool import HashPool
from app.problems import DatabaseUnavailable, Overloaded
from app.store import hash_examples
from app.store.database import Database
from app.store.everybody import NOBODY
from app.watch.logs import logger

_EVERY = 3600.0
_TRIES = 3
_PAGE = 10_000
_log = logger("gatehouse.schemes")


@dataclass(frozen=True)
class Schemes:
    database: Database
    pool: HashPool
    passwords: Passwords

    async def run(self) -> None:
        """Look again every hour, until cancelled; what sign-ins meet in between is known from then on."""
        while True:
            try:
                await self.look()
            except (DatabaseUnavailable, Overloaded) as failure:
                _log.warning("schemes.not_looked_at", again_in=_EVERY, exc_info=failure)
            await asyncio.sleep(_EVERY)

    async def examples(self) -> list[str]:
        """One stored hash of each scheme and cost, other than ours; the first of them, where there are very many."""
        found, after = dict[str, str](), NOBODY
        while len(found) < hash_examples.MOST:
            async with self.database.read() as tx:
                end = await hash_examples.page_end(tx, after=after, most=_PAGE)
                found = await hash_examples.of_page(tx, after=after, end=end, but=self.passwords.own) | found
            if end is None:
                break
            after = end
        return list(found.values())[: hash_examples.MOST]

    async def look(self) -> None:
        examples = await self.examples()
        self.passwords.keep_pace(examples)
        for stored, probe in product(examples * _TRIES, PROBES):
            await self.pool.run(self.passwords.verify, probe, stored)
