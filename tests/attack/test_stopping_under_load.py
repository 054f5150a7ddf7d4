"""SIGTERM to two busy workers: first they are not ready, then they finish what they took. Nobody is cut off or reset."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from tests.attack.cluster import postgres, sql
from tests.attack.halves import refuse_halves
from tests.attack.lines import Request, lines
from tests.attack.measured import measured
from tests.attack.people import Person, expect, new_number, newcomer
from tests.attack.processes import until
from tests.attack.service import Service, client, serving
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn, late

pytestmark = pytest.mark.attack

DRAIN = 2.0
SLOW = 2.5
PROBED_EVERY = 0.2


@asynccontextmanager
async def stoppable(**settings: str) -> AsyncIterator[tuple[Service, str]]:
    async with postgres() as cluster, serving(workers=2, database=cluster.url, **settings) as service:
        yield service, cluster.url


@dataclass
class Proxy:
    """What a load balancer does: it asks every now and then, and sends requests until the answer is not 200."""

    service: Service
    told: Counter[int] = field(default_factory=Counter)
    open: bool = True
    closed_at: float = 0

    async def probe(self) -> None:
        while self.open:
            async with client(self.service.url, patience=2) as fresh:
                self.open = (await fresh.get("/readyz")).status_code == 200
            await asyncio.sleep(PROBED_EVERY)
        self.closed_at = time.monotonic()

    async def send(self, request: Request) -> None:
        """One request after the other, each on a connection of its own; a reset would be an exception here."""
        while self.open:
            headers = {"Authorization": f"Bearer {request.token}"} if request.token else {}
            async with client(self.service.url) as fresh:
                answer = await fresh.request(request.method, request.path, json=request.body, headers=headers)
            self.told[answer.status_code] += 1


async def test_a_rolling_restart_costs_nobody_an_answer() -> None:
    async with stoppable(GATEHOUSE_HTTP__DRAIN=str(DRAIN)) as (service, database):
        people = [await newcomer(service) for _ in range(6)]
        proxy = Proxy(service)
        tasks = [asyncio.create_task(proxy.send(person.login_request())) for person in people]
        tasks += [asyncio.create_task(proxy.send(Request("GET", "/session", token=people[0].access_token)))]
        tasks += [asyncio.create_task(proxy.probe())]
        await asyncio.sleep(1)
        assert service.process
        told_at = time.monotonic()
        service.process.terminate()
        await asyncio.gather(*tasks)
        noticed = proxy.closed_at - told_at
        await until(lambda: not service.members(), "it has ended", within=20)
        measured(
            f"SIGTERM: not ready after {noticed:.2f} s, ended after {time.monotonic() - told_at:.2f} s; {proxy.told}"
        )
        assert service.process.wait(5) == 0
        assert set(proxy.told) == {200}
        assert proxy.told[200] > 20
        assert noticed < DRAIN
        async with sql(database) as connection:
            await refuse_halves(connection)


async def test_what_was_taken_is_finished_after_the_port_is_closed() -> None:
    """Logins that wait for a hashing thread, and a code that the provider takes its time with."""
    with PlivoStandIn() as plivo:
        through_plivo = {
            "GATEHOUSE_SMS__PLIVO_BASE_URL": plivo.url,
            "GATEHOUSE_SMS__PLIVO_AUTH_ID": AUTH_ID,
            "GATEHOUSE_SMS__PLIVO_AUTH_TOKEN": AUTH_TOKEN,
            "GATEHOUSE_SMS__PLIVO_SRC": "Gatehouse",
            "GATEHOUSE_HTTP__DRAIN": "0",
        }
        async with stoppable(**through_plivo) as (service, database):
            people = [await newcomer(service) for _ in range(10)]
            ada = await _enrolled(service, plivo)
            plivo.always(late(SLOW))
            async with lines(service, 12) as opened:
                opened[0].send(ada.login_request())
                plivo_asked = len(plivo.requests) + 1
                await until(lambda: len(plivo.requests) >= plivo_asked, "the provider was asked")
                for line, person in zip(opened[1:], people, strict=False):
                    line.send(person.login_request())
                assert service.process
                service.process.terminate()
                await until(lambda: _refuses(service), "the port is closed", within=5)
                replies = await asyncio.gather(*(line.reply() for line in opened[: len(people) + 1]))
            assert [reply.status for reply in replies] == [200] * (len(people) + 1)
            assert replies[0].body["challenge"]["delivery"] == "accepted"
            assert replies[0].headers["connection"] == "close"  # of the others some were ready before it was told
            await until(lambda: not service.members(), "it has ended", within=20)
            assert service.process.wait(5) == 0
            async with sql(database) as connection:
                await refuse_halves(connection)


async def _enrolled(service: Service, plivo: PlivoStandIn) -> Person:
    """Somebody whose codes go through the stand-in."""
    ada = await newcomer(service)
    ada.phone = new_number()
    expect(await ada.begin(), 201)
    text = plivo.requests[-1].body["text"]
    expect(await ada.confirm(next(word.strip(".") for word in text.split() if word.strip(".").isdigit())), 200)
    return ada


async def _refuses(service: Service) -> bool:
    """Nobody listens: what comes now would be refused by the machine, and not half served."""
    try:
        async with client(service.url, patience=1) as fresh:
            await fresh.get("/livez")
    except httpx.TransportError:
        return True
    return False


async def test_it_ends_in_time_whatever_a_request_waits_for() -> None:
    async with stoppable(GATEHOUSE_HTTP__DRAIN="0", GATEHOUSE_HTTP__SHUTDOWN_GRACE="1") as (service, _):
        async with lines(service, 2) as opened:
            for line in opened:  # a body that never comes whole
                line.writer.write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n")
                line.writer.write(b"Content-Length: 100\r\n\r\n{")
                await line.writer.drain()
            opened_at = time.monotonic()
            assert service.process
            service.process.terminate()
            await until(lambda: not service.members(), "it has ended", within=10)
        assert service.process.wait(5) == 0
        measured(f"with requests that never come whole it ended after {time.monotonic() - opened_at:.2f} s")
