"""Which schemes stored passwords are under, tried out now and then: a refused sign-in takes as long as the slowest (law 7)."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

from app.crypto.passwords import PROBES, Passwords
from app.crypto.pool import HashPool
from app.problems import DatabaseUnavailable, Overloaded
from app.store import users
from app.store.database import Database

_EVERY = 3600.0
_TRIES = 3


@dataclass(frozen=True)
class Schemes:
    database: Database
    pool: HashPool
    passwords: Passwords

    async def run(self) -> None:
        """Look again every hour, until cancelled; what sign-ins meet in between is known from then on."""
        while True:
            with suppress(DatabaseUnavailable, Overloaded):
                await self.look()
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        async with self.database.read() as tx:
            examples = await users.hash_examples(tx, but=self.passwords.own)
        self.passwords.keep_pace(examples)
        for stored, probe in product(examples * _TRIES, PROBES):
            await self.pool.run(self.passwords.verify, probe, stored)
