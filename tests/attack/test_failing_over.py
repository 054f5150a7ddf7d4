"""The database restarts, crashes and fails over under load: 503 meanwhile, back by itself, and nothing acknowledged is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.attack.cluster import Cluster, postgres, sql
from tests.attack.halves import refuse_halves
from tests.attack.measured import measured
from tests.attack.service import Service, serving
from tests.attack.standby import crash, standby
from tests.attack.travelling import travelling

pytestmark = pytest.mark.attack

SOON = 20.0
"""Everybody came round once more: a sign-in with its code, three refreshes and a logout, six people on two cores."""


@dataclass(frozen=True)
class Durable:
    service: Service
    cluster: Cluster


@pytest.fixture(scope="module")
async def durable() -> AsyncIterator[Durable]:
    async with postgres(durable=True) as cluster, serving(workers=2, database=cluster.url) as service:
        yield Durable(service, cluster)


async def restart(cluster: Cluster) -> None:
    """pg_ctl -m fast: sessions are ended, what they began is undone."""
    await asyncio.to_thread(cluster.server.stop)


@pytest.mark.parametrize("blow", [restart, crash])
async def test_a160_a_restart_under_load_loses_nothing_that_was_acknowledged(
    durable: Durable, blow: Callable[[Cluster], Awaitable[None]]
) -> None:
    async with travelling(durable.service) as journey:
        await blow(durable.cluster)
        await asyncio.sleep(1)
        durable.cluster.server.stop()  # after a crash it holds the lock of a server that is gone
        await asyncio.to_thread(durable.cluster.server.start)
        seconds = await journey.goes_on(within=SOON)
    measured(f"{blow.__name__}: everybody had gone on {seconds:.2f} s after it was back; {dict(journey.told)}")
    assert {code for status, code in journey.told if status == 503} == {"database_unavailable"}
    assert {status for status, _ in journey.told} <= {200, 204, 401, 503}
    async with sql(durable.cluster.url) as connection:
        await refuse_halves(connection)


async def test_a160_a_fail_over_to_a_replica_loses_nothing_that_was_acknowledged() -> None:
    """The primary is killed, the replica promoted; the service is told of both and is not restarted."""
    async with (
        postgres(durable=True) as primary,
        standby(primary) as replica,
        serving(workers=2, database=replica.url) as service,
        travelling(service) as journey,
    ):
        await crash(primary)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(replica.promote)
        seconds = await journey.goes_on(within=SOON)
        measured(f"fail-over: everybody had gone on {seconds:.2f} s after the promotion; {dict(journey.told)}")
        assert {code for status, code in journey.told if status == 503} == {"database_unavailable"}
        assert {status for status, _ in journey.told} <= {200, 204, 401, 503}
        async with sql(replica.own_url) as connection:
            assert not await connection.fetchval("SELECT pg_is_in_recovery()")
            await refuse_halves(connection)
