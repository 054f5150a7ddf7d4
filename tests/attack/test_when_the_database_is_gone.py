"""With the database frozen, stopped or crashed everything fails closed and soon, and comes back by itself."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.attack.cluster import Cluster, postgres, postgres_processes, sql
from tests.attack.lines import Line, lines
from tests.attack.measured import measured
from tests.attack.people import Person, expect, newcomer, with_phone
from tests.attack.processes import frozen, until
from tests.attack.service import Service, serving

pytestmark = pytest.mark.attack


@dataclass(frozen=True)
class Fragile:
    """A service, and the database that a test may break."""

    service: Service
    cluster: Cluster


@pytest.fixture(scope="module")
async def fragile() -> AsyncIterator[Fragile]:
    async with postgres() as cluster, serving(database=cluster.url) as service:
        yield Fragile(service, cluster)


async def watch(service: Service, token: str, seconds: float) -> list[tuple[float, float, int, str]]:
    """Ask both workers a guarded question again and again: when it was asked, how long it took, what was told."""
    seen: list[tuple[float, float, int, str]] = []
    began = time.monotonic()

    async def ask(line: Line) -> None:
        while (at := time.monotonic() - began) < seconds:
            reply = await line.ask("GET", "/session", token=token)
            seen.append((at, time.monotonic() - began - at, *reply.told))
            await asyncio.sleep(0.05)

    async with lines(service, 4) as opened:
        await asyncio.gather(*(ask(line) for line in opened))
    return seen


def refuse_lateness(seen: list[tuple[float, float, int, str]]) -> None:
    """For a second what is known is young enough; from then on nobody passes, and nobody waits for long."""
    passed = [at for at, _, status, _ in seen if status == 200]
    assert max(passed, default=0) <= 1.3
    assert {(status, code) for _, _, status, code in seen if status != 200} == {(503, "database_unavailable")}
    assert max(took for _, took, _, _ in seen) <= 2.0


async def test_a160_a_frozen_database_lets_nobody_pass_and_thaws_by_itself(fragile: Fragile) -> None:
    """Longer than any time limit of a statement, so that those run out as well."""
    ada = await newcomer(fragile.service)
    expect(await ada.session(), 200)
    with frozen(postgres_processes(fragile.cluster.server.folder)):
        seen = await watch(fragile.service, ada.access_token, 10)
        expect(await ada.call("GET", "/livez"), 200)
        began = time.monotonic()
        expect(await ada.call("GET", "/readyz"), 503)
        readyz = time.monotonic() - began
    refuse_lateness(seen)
    measured(f"frozen: {await recovery(ada):.2f} s until it works again; /readyz took {readyz:.2f} s")
    assert readyz <= 2.0


async def recovery(person: Person) -> float:
    """Seconds until each of twenty requests in a row passes the guard, and a whole sign-in works."""

    async def is_well() -> bool:
        return all([(await person.session()).status_code == 200 for _ in range(20)])

    seconds = await until(is_well, "the guard lets pass again", within=10)
    await person.sign_in()
    expect(await person.refresh(), 200)
    return seconds


async def test_a160_a_stopped_database_is_503_everywhere_and_never_500(fragile: Fragile) -> None:
    ada = await with_phone(fragile.service)
    code = await ada.ask_code()
    fragile.cluster.server.stop()
    seen = await watch(fragile.service, ada.access_token, 2.5)
    answers = [
        await ada.login(),
        await ada.register(),
        await ada.verify(code),
        await ada.refresh(),
        await ada.begin(),
        await ada.call("POST", "/logout", {}, token=ada.access_token),
        await ada.call("GET", "/verify-otp", token=ada.mfa_token),
        await ada.call("POST", "/verify-email", {"registration_id": ada.registration_id, "code": "000000"}),
        await ada.call("POST", "/verify-email/resend", {"registration_id": ada.registration_id}),
        await ada.call("POST", "/password/forgot", {"email": ada.email}),
        await ada.call("GET", "/readyz"),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "database_unavailable")}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    expect(await ada.call("GET", "/livez"), 200)
    refuse_lateness(seen)

    fragile.cluster.server.start()

    async def is_verified() -> bool:
        return (await ada.verify(code)).status_code == 200

    await until(is_verified, "the code is still good", within=5)
    measured(f"stopped: {await recovery(ada):.2f} s until it works again")


async def test_a160_a_crash_of_the_database_amid_requests_is_never_a_500(fragile: Fragile) -> None:
    """One killed backend makes PostgreSQL end all connections and recover: "the database system is starting up"."""
    people = await asyncio.gather(*(with_phone(fragile.service) for _ in range(4)))
    seen: Counter[tuple[int, str]] = Counter()

    going = True

    async def travel(person: Person) -> None:
        while going:
            answer = await person.login()
            seen[answer.status_code, answer.json().get("code", "")] += 1
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(travel(person)) for person in people for _ in range(2)]
    for _ in range(3):
        await asyncio.sleep(0.5)
        async with sql(fragile.cluster.url) as connection:
            backend = await connection.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
            )
        os.kill(backend, signal.SIGKILL)
    await asyncio.sleep(1)
    going = False  # one that is cancelled would have its code sent all the same, after the next one's
    await asyncio.gather(*tasks)
    measured(f"crashed: {dict(seen)}")
    assert set(seen) == {(200, ""), (503, "database_unavailable")}
    for person in people:
        await recovery(person)
