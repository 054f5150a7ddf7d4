"""A073: the time of a refused sign-in tells neither whether there is an account, nor which system its password came from."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from tests.attack.cluster import postgres, sql
from tests.attack.conftest import disable
from tests.attack.lines import Line, Request, asking, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, newcomer
from tests.attack.service import Service, serving
from tests.attack.statistics_of_time import Sample, refuse_differences, take
from tests.passwords import by_bcrypt, by_passlib

pytestmark = pytest.mark.attack

EACH = 40
WRONG = "not the right one at all"
UNTHROTTLED = {"GATEHOUSE_LIMITS__LOGIN": "record_only"}
IMPORTED = {
    "bcrypt": by_bcrypt(PASSWORD, rounds=10),
    "PBKDF2 of Django, quicker than ours": by_passlib(PASSWORD, "django_pbkdf2_sha256", rounds=20_000),
    "a hash that costs too much": "$2b$31$" + "C" * 53,
}
"""The slowest takes about three times as long as ours."""


async def refused(service: Service, database: asyncpg.Connection) -> dict[str, Request]:
    """Everybody who may not come in; nobody has tried yet since their passwords were imported."""

    async def imported(hashed: str) -> Person:
        person = await newcomer(service)
        await database.execute("UPDATE users SET password_hash = $1 WHERE email = $2", hashed, person.email)
        return person

    asked = {"unknown": Person(service).login_request(WRONG), "ours": (await newcomer(service)).login_request(WRONG)}
    asked |= {name: (await imported(hashed)).login_request(WRONG) for name, hashed in IMPORTED.items()}
    disabled = await imported(IMPORTED["bcrypt"])
    await disable(database, await disabled.id())
    return {**asked, "bcrypt, disabled, right password": disabled.login_request()}


@dataclass(frozen=True)
class Door:
    """Whom a service refuses that was started after the import, and a line to it."""

    refused: dict[str, Request]
    line: Line

    def sorts(self, *names: str) -> dict[str, Sample]:
        return {name: asking(self.line, self.refused[name], 401) for name in names or self.refused}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with (
        postgres() as cluster,
        serving(workers=1, database=cluster.url, **UNTHROTTLED) as service,
        sql(cluster.url) as database,
    ):
        asked = await refused(service, database)
        await service.stop()
        await service.start()
        await asyncio.sleep(2)  # it finds out which schemes are in use while it begins to serve
        async with lines(service, 1) as (line,):
            yield Door(asked, line)


async def test_a073_every_refused_login_takes_the_same_time_whatever_the_hash(door: Door) -> None:
    first = await take(door.sorts("unknown", "bcrypt"), each=3, warm_up=0)
    measured(f"the first ones, in ms: { {name: [round(s * 1000) for s in taken] for name, taken in first.items()} }")
    assert min(first["unknown"]) > 0.9 * min(first["bcrypt"]), "unknown users wait before a foreign hash was ever tried"
    await refuse_differences(door.sorts(), each=EACH)
