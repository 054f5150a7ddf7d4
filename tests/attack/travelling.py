"""People who go on while the database comes and goes: they try again after a 503, and remember what they were answered."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.attack.people import Person, expect, with_phone
from tests.attack.processes import until
from tests.attack.service import Service

PAUSE = 0.1


@dataclass
class Traveller:
    """Signs in with a phone, refreshes, asks a guarded question and logs out, again and again."""

    person: Person
    told: Counter[tuple[int, str]]
    used: list[tuple[str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    held: bool = False
    rounds: int = 0

    async def act(self, call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Until it is answered. A 503 says when to try again, and nothing else."""
        while True:
            answer = await call()
            code = answer.json().get("code", "") if answer.content else ""
            self.told[answer.status_code, code] += 1
            if answer.status_code != 503:
                return answer
            assert int(answer.headers["retry-after"]) >= 1
            await asyncio.sleep(PAUSE)

    async def travel(self) -> None:
        person = self.person
        while True:
            await self._sign_in()
            self.held = True
            for _ in range(3):
                expect(await self.act(person.refresh), 200)
                expect(await self.act(person.session), 200)
            self.held, token = False, person.refresh_token
            expect(await self.act(lambda t=token: person.call("POST", "/logout", {"refresh_token": t})), 204)  # type: ignore[misc]
            self.ended.append(token)
            self.rounds += 1

    async def _sign_in(self) -> None:
        """A code whose answer was lost in a 503 may be spent: then it is done anew."""
        person, answer = self.person, None
        while answer is None or answer.status_code != 200:
            login = expect(await self.act(person.login), 200).json()
            if login["challenge"]["delivery"] != "accepted":
                continue  # cut off between the question and its report: the next one is asked for
            code, pending = await person.code("sign_in"), person.mfa_token
            answer = await self.act(lambda c=code: person.verify(c))  # type: ignore[misc]
            assert answer.status_code in {200, 401}, answer.text
            if answer.status_code == 200:
                self.used.append((pending, code))

    async def look(self) -> None:
        """What was acknowledged is still so: held sessions go on, ended ones and used codes are over."""
        for token in self.ended:
            expect(await self.person.call("POST", "/token/refresh", {"refresh_token": token}), 401)
        for pending, code in self.used:
            expect(await self.person.call("POST", "/verify-otp", {"code": code}, token=pending), 401)
        if self.held:
            expect(await self.person.refresh(), 200)
            expect(await self.person.session(), 200)


@dataclass(frozen=True)
class Journey:
    travellers: list[Traveller]
    told: Counter[tuple[int, str]]

    @property
    def rounds(self) -> int:
        return sum(each.rounds for each in self.travellers)

    async def goes_on(self, *, within: float) -> float:
        """Seconds until everybody has come round once more."""
        before = [each.rounds for each in self.travellers]
        return await until(
            lambda: all(each.rounds > past for each, past in zip(self.travellers, before, strict=True)),
            "everybody travels on",
            within=within,
        )


@asynccontextmanager
async def travelling(service: Service, *, people: int = 6) -> AsyncIterator[Journey]:
    """They go on while the block lasts; then it is looked at what they were promised."""
    told: Counter[tuple[int, str]] = Counter()
    journey = Journey([Traveller(await with_phone(service), told) for _ in range(people)], told)
    tasks = [asyncio.create_task(each.travel()) for each in journey.travellers]
    try:
        await journey.goes_on(within=30)
        yield journey
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} == {asyncio.CancelledError}, ends
    for each in journey.travellers:
        await each.look()
