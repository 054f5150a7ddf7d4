"""A077: three hundred logins at once cost whoever sends them, not everybody else."""

import asyncio
import time

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Line, lines
from tests.attack.measured import measured
from tests.attack.people import Person, newcomer
from tests.attack.processes import peak_memory

pytestmark = pytest.mark.attack

LOGINS = 300
MEMORY_MIB = 400
PATIENCE = 0.25


async def probe(line: Line, path: str, token: str, took: list[float]) -> None:
    """Ask again and again until cancelled, and note how long each answer takes."""
    while True:
        began = time.perf_counter()
        reply = await line.ask("GET", path, token=token)
        took.append(time.perf_counter() - began)
        assert reply.status == 200
        await asyncio.sleep(0.03)


def p95(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.95)]


async def test_a077_three_hundred_logins_at_once_starve_nobody(house: House) -> None:
    ada, eve, nobody = await newcomer(house.service), await newcomer(house.service), Person(house.service)
    sorts = [ada.login_request(), ada.login_request("a wrong password"), nobody.login_request()]
    livez: list[float] = []
    session: list[float] = []
    async with lines(house.service, 4) as probes, lines(house.service, LOGINS) as opened:
        tasks = [asyncio.create_task(probe(line, "/livez", "", livez)) for line in probes[:2]]
        tasks += [asyncio.create_task(probe(line, "/session", eve.access_token, session)) for line in probes[2:]]
        for nth, line in enumerate(opened):
            line.send(sorts[nth % 3])
        replies = await asyncio.gather(*(line.reply() for line in opened))
        assert not [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    told = {reply.told for reply in replies}
    count = {one: sum(reply.told == one for reply in replies) for one in sorted(told)}
    memory = [peak_memory(worker) for worker in house.service.worker_ids()]
    measured(
        f"storm: {count}; livez p95 {p95(livez):.3f} s of {len(livez)}, session p95 {p95(session):.3f} s; MiB {memory}"
    )
    assert told <= {(200, ""), (401, "invalid_credentials"), (503, "overloaded")}
    assert count[401, "invalid_credentials"] > 0
    assert count[200, ""] > 0
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in replies if reply.status == 503)
    assert p95(livez) < PATIENCE
    assert p95(session) < PATIENCE
    assert max(memory) < MEMORY_MIB
