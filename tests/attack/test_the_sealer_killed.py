"""kill -9 of the process that chains the audit log, in the middle of it, while people sign in: the chain is whole all the same."""

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.attack.cluster import postgres, sql
from tests.attack.measured import measured
from tests.attack.people import Person, newcomer
from tests.attack.processes import until
from tests.attack.service import ROOT, Service, client, serving
from tests.cli.service import GATEHOUSE

pytestmark = pytest.mark.attack

KILLS = 4
SEALER = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1734440051 AND granted"
STUCK = """SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
    WHERE NOT l.granted AND c.relname LIKE 'audit_links%'"""
KEY = "mJzJ0nqcQ4m1Jt7VdXo9bq3u5Qk2Yh8LrWcE6sTfGvA"


@pytest.fixture
async def durable() -> AsyncIterator[tuple[Service, asyncpg.Connection]]:
    settings = {"GATEHOUSE_SECRET_KEYS": KEY, "GATEHOUSE_AUDIT__CHECKPOINT_EVERY": "1"}
    async with (
        postgres(durable=True) as cluster,
        serving(workers=2, database=cluster.url, **settings) as service,
        sql(cluster.url) as connection,
    ):
        yield service, connection


class Visits:
    """Somebody who signs in again and again; what was answered is remembered."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.answered: list[str] = []
        self.cut = 0

    async def go_on(self) -> None:
        while True:
            request = self.person.login_request()
            try:
                async with client(self.person.service.url) as fresh:
                    answer = await fresh.request(request.method, request.path, json=request.body)
            except httpx.TransportError:
                self.cut += 1
                continue
            if answer.status_code == 200:
                self.answered.append(answer.headers["x-request-id"])


async def test_a158_the_sealer_killed_in_the_middle_leaves_a_chain_without_a_gap(
    durable: tuple[Service, asyncpg.Connection],
) -> None:
    service, rows = durable
    visits = [Visits(await newcomer(service)) for _ in range(4)]
    tasks = [asyncio.create_task(one.go_on()) for one in visits]
    for nth in range(KILLS):
        await until(lambda nth=nth: answered(visits) >= 10 * (nth + 1), "people were let in", within=60)  # type: ignore[misc]
        await kill_the_sealer(service, rows)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await until(lambda: all_chained(rows), "everything is in the chain")
    await service.stop()

    report = await verified(service)
    let_in = {request_id for one in visits for request_id in one.answered}
    written = {row["request_id"] for row in await rows.fetch("SELECT request_id FROM audit_events")}
    numbers = [row["seq"] for row in await rows.fetch("SELECT seq FROM audit_links ORDER BY seq")]
    twice = Counter(row["event_id"] for row in await rows.fetch("SELECT event_id FROM audit_links"))
    measured(
        f"{KILLS} sealers killed in the middle: {len(let_in)} sign-ins answered, {sum(one.cut for one in visits)} cut, "
        f"{report['events']} events, {report['outside']} checkpoints"
    )
    assert report["intact"], report["findings"]
    assert report["outside"] >= KILLS
    assert numbers == list(range(1, len(numbers) + 1))
    assert max(twice.values()) == 1
    assert let_in <= written, "an event is written before its request is answered"


def answered(visits: list[Visits]) -> int:
    return sum(len(one.answered) for one in visits)


async def kill_the_sealer(service: Service, rows: asyncpg.Connection) -> None:
    """The sealer is where it adds links, in its transaction, and waits there; then both workers get SIGKILL.

    Those that come after them have chained what was left, and vouched for it, when this ends.
    """
    async with rows.transaction():
        await rows.execute("LOCK TABLE audit_links IN SHARE MODE")

        async def in_the_middle() -> bool:
            return bool(await rows.fetchval(STUCK)) and bool(await rows.fetchval(SEALER))

        await until(in_the_middle, "a sealer is in the middle")
        victims = service.worker_ids()
        for worker in victims:
            os.kill(worker, signal.SIGKILL)
        await until(lambda: not {*victims} & {*service.worker_ids()}, "they are gone")
    await until(lambda: len(service.worker_ids()) == 2, "there are two again")
    await until(lambda: all_chained(rows), "what was left is in the chain")
    vouched = checkpoints(service)
    await until(lambda: checkpoints(service) > vouched, "and was vouched for")


def checkpoints(service: Service) -> int:
    return service.log.read_text().count("audit.checkpoint")


async def all_chained(rows: asyncpg.Connection) -> bool:
    """But for what came within the last seconds."""
    waiting = """SELECT count(*) FROM audit_events AS e WHERE e.written_at < clock_timestamp() - interval '3 seconds'
        AND NOT EXISTS (SELECT FROM audit_links AS l WHERE l.event_id = e.id)"""
    chained = "SELECT count(*) FROM audit_links WHERE sealed_at > clock_timestamp() - interval '3 seconds'"
    return bool(await rows.fetchval(waiting) == 0 and await rows.fetchval(chained) > 0)


async def verified(service: Service) -> dict[str, Any]:
    """What `gatehouse audit verify` says, with the checkpoints of the service's own log."""
    environment = {**os.environ, **service._environment()}
    process = await asyncio.create_subprocess_exec(
        *GATEHOUSE,
        "audit",
        "verify",
        "--json",
        "--checkpoints",
        str(service.log),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    report: dict[str, Any] = json.loads(out)
    return report
