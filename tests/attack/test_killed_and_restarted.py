"""kill -9 at any moment, start again, go on: nothing is half done, nothing spent is good again, nothing promised is lost."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from tests.attack.cluster import postgres_processes, sql
from tests.attack.halves import refuse_halves
from tests.attack.measured import measured
from tests.attack.people import Person, expect, newcomer, with_phone
from tests.attack.processes import living, until
from tests.attack.service import Service, serving

pytestmark = pytest.mark.attack


@pytest.fixture(scope="module")
async def own() -> AsyncIterator[Service]:
    """A service with a database of its own that is as durable as in earnest."""
    async with serving() as service:
        yield service


def database_of(service: Service) -> str:
    return f"postgresql://postgres@/gatehouse?host={service.folder / 'postgres'}&port=5432"


async def again(service: Service) -> None:
    await service.kill()
    await service.start()


async def looked_at(service: Service) -> None:
    async with sql(database_of(service)) as connection:
        await refuse_halves(connection)


async def test_a164_the_journey_survives_a_kill_between_any_two_steps() -> None:
    """Whatever was answered is remembered, whatever was spent is spent."""
    async with serving(workers=1) as service:
        await _journey(service)


async def _journey(own: Service) -> None:
    ada = Person(own)
    expect(await ada.register(), 202)
    mailed = await ada.mailed_code()
    await again(own)
    expect(await ada.verify_email(mailed), 204)
    await again(own)
    expect(await ada.verify_email(mailed), 400)
    expect(await ada.login(), 200)
    await again(own)
    expect(await ada.session(), 200)
    expect(await ada.begin(), 201)
    await again(own)
    code = await ada.code("confirm")
    expect(await ada.confirm(code), 200)
    await again(own)
    expect(await ada.confirm(code), 401)
    expect(await ada.session(), 200)
    first = await ada.ask_code()
    await again(own)
    wrong = (await ada.wrong_codes(1))[0]
    assert expect(await ada.verify(wrong), 401).json()["attempts_left"] == 4
    await again(own)
    expect(await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token), 200)
    await again(own)
    if first != await ada.code("sign_in"):
        assert expect(await ada.verify(first), 401).json()["attempts_left"] == 3
    used, pending = await ada.code("sign_in"), ada.mfa_token
    expect(await ada.verify(used), 200)
    await again(own)
    expect(await ada.call("POST", "/verify-otp", {"code": used}, token=pending), 401)
    expect(await ada.session(), 200)
    expect(await ada.call("GET", "/me", token=ada.access_token), 200)
    parent = ada.refresh_token
    expect(await ada.refresh(), 200)
    await again(own)
    child = ada.refresh_token
    assert (
        expect(await ada.call("POST", "/token/refresh", {"refresh_token": parent}), 200).json()["refresh_token"]
        == child
    )
    expect(await ada.call("POST", "/logout", {"refresh_token": child}), 204)
    await again(own)
    expect(await ada.session(), 401)
    expect(await ada.refresh(), 401)
    await looked_at(own)


@dataclass
class Traveller:
    """Somebody who signs in, refreshes and logs out all the time, and remembers what they were answered last."""

    person: Person
    used: list[tuple[str, str]] = field(default_factory=list)
    signed_in: bool = False
    rounds: int = 0

    async def travel(self) -> None:
        while True:
            self.signed_in = False
            code = await self.person.ask_code()
            pending = self.person.mfa_token
            expect(await self.person.verify(code), 200)
            self.used.append((pending, code))
            self.signed_in = True
            for _ in range(2):
                expect(await self.person.refresh(), 200)
            self.signed_in = False
            expect(await self.person.call("POST", "/logout", {"refresh_token": self.person.refresh_token}), 204)
            self.rounds += 1


async def kill_group(service: Service) -> None:
    await service.kill()


async def kill_group_and_database(service: Service) -> None:
    """As when the power fails, but for the disk's own cache."""
    postmaster, *others = postgres_processes(service.folder / "postgres")
    os.kill(postmaster, signal.SIGKILL)
    await service.kill()
    await until(lambda: not set(others) & living(), "the server's children have ended")


@pytest.mark.parametrize("blow", [kill_group, kill_group_and_database])
async def test_a164_a_kill_amid_many_requests_leaves_nothing_half_done(
    own: Service, blow: Callable[[Service], Awaitable[None]]
) -> None:
    travellers = [Traveller(person) for person in await asyncio.gather(*(with_phone(own) for _ in range(6)))]
    tasks = [asyncio.create_task(traveller.travel()) for traveller in travellers]
    await until(
        lambda: any(task.done() for task in tasks) or sum(each.rounds for each in travellers) > 9, "they travel"
    )
    assert not any(task.done() for task in tasks), [task.exception() for task in tasks if task.done()]
    await blow(own)
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [end for end in ended if not isinstance(end, httpx.TransportError)]
    assert all("database_unavailable" in str(end) for end in refused), refused  # the database went a moment earlier
    await own.start()

    await looked_at(own)
    for traveller in travellers:
        if traveller.signed_in:
            expect(await traveller.person.refresh(), 200)
        for pending, code in traveller.used:
            expect(await traveller.person.call("POST", "/verify-otp", {"code": code}, token=pending), 401)
        await traveller.person.sign_in()


async def test_workers_end_by_themselves_when_their_parent_is_killed(own: Service) -> None:
    ada = await newcomer(own)
    await own.kill_parent()
    seconds = await until(lambda: not own.members(), "the workers have ended", within=8)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", own.port))
    measured(f"workers ended {seconds:.2f} s after their parent")
    await own.start()
    expect(await ada.session(), 200)


async def test_a_killed_worker_is_replaced(own: Service) -> None:
    ada = await newcomer(own)
    victim = own.worker_ids()[0]
    os.kill(victim, signal.SIGKILL)
    began = time.monotonic()
    await until(lambda: victim not in own.worker_ids() and len(own.worker_ids()) == 2, "there are two again")
    for _ in range(20):
        expect(await ada.session(), 200)
    measured(f"replaced after {time.monotonic() - began:.2f} s")


async def test_sigterm_leaves_nothing_running(own: Service) -> None:
    processes = postgres_processes(own.folder / "postgres")
    await own.stop()
    assert not own.members()
    assert not set(processes) & living()
    await own.start()
