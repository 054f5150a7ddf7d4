"""Signing keys rotate while two workers are under load: nobody is refused, and what leaked is dead on both of them soon."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import jwt
import pytest

from tests.attack.cluster import postgres
from tests.attack.lines import Line, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, newcomer, with_phone
from tests.attack.processes import until
from tests.attack.service import ROOT, Service, serving

pytestmark = pytest.mark.attack

FOLLOW, AHEAD = 0.2, 2.0
CACHED = AHEAD - 2 * FOLLOW
"""For so long others may keep the key set, as 300 s are to ten minutes."""
QUICK = {
    "GATEHOUSE_TOKENS__FOLLOW_KEYS_EVERY": str(FOLLOW),
    "GATEHOUSE_TOKENS__PUBLISH_AHEAD": str(AHEAD),
}


@asynccontextmanager
async def quick(**settings: str) -> AsyncIterator[Service]:
    async with postgres() as cluster, serving(workers=2, database=cluster.url, **QUICK | settings) as service:
        yield service


async def operate(service: Service, *verb: str) -> None:
    """`gatehouse keys …`, beside the running service."""
    command = [sys.executable, "-m", "app.cli", "keys", *verb, "--json"]
    pipe = asyncio.subprocess.PIPE
    done = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=service._environment(), stdout=pipe, stderr=pipe
    )
    _, said = await done.communicate()
    assert done.returncode == 0, said.decode()


@dataclass
class Load:
    """People who go on and on; whatever they are answered is counted."""

    service: Service
    told: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    kids: set[str] = field(default_factory=set)
    strange: list[str] = field(default_factory=list)
    known: dict[str, jwt.PyJWK] = field(default_factory=dict)

    async def ask(self, line: Line, method: str, path: str, body: object = None, *, token: str = "") -> dict[str, str]:
        reply = await line.ask(method, path, body, token=token)
        self.told[path, *reply.told] += 1
        content: dict[str, str] = reply.body
        return content

    def look_at(self, token: str) -> None:
        """As a service does that verifies by itself, with the keys that it fetched a while ago."""
        kid = jwt.get_unverified_header(token)["kid"]
        self.kids.add(kid)
        if kid not in self.known:
            self.strange.append(kid)
            return
        jwt.decode(token, self.known[kid], audience=self.service.url)

    async def fetch_keys(self, line: Line) -> None:
        while True:
            reply = await line.ask("GET", "/.well-known/jwks.json")
            self.known = {key.key_id: key for key in jwt.PyJWKSet.from_dict(reply.body).keys}  # type: ignore[misc]
            await asyncio.sleep(CACHED)

    async def stay(self, person: Person, here: Line, there: Line) -> None:
        """Refresh at one worker, and show what it gave to both; the pause between is a busy client's."""
        while True:
            pair = await self.ask(here, "POST", "/token/refresh", {"refresh_token": person.refresh_token})
            person.keep(pair)
            self.look_at(person.access_token)
            for line in (there, here, there):
                await self.ask(line, "GET", "/session", token=person.access_token)
            await asyncio.sleep(0.02)
            here, there = there, here

    async def sign_in(self, person: Person, here: Line, there: Line) -> None:
        """Prove the password at one worker and the phone at the other: the pending token goes across."""
        while True:
            login = {"email": person.email, "password": PASSWORD}
            pending = (await self.ask(here, "POST", "/login", login))["mfa_token"]
            code = await person.code("sign_in")
            done = await self.ask(there, "POST", "/verify-otp", {"code": code}, token=pending)
            self.look_at(done["access_token"])
            await self.ask(here, "GET", "/session", token=done["access_token"])
            await asyncio.sleep(0.1)
            here, there = there, here


@asynccontextmanager
async def under_load(service: Service, load: Load) -> AsyncIterator[None]:
    """Four people who stay and two who sign in again and again, each with a connection to either worker."""
    staying, signing_in = [await newcomer(service) for _ in range(4)], [await with_phone(service) for _ in range(2)]
    async with lines(service, 13) as (first, *rest):
        pairs = zip(rest[::2], rest[1::2], strict=True)
        tasks = [asyncio.create_task(load.fetch_keys(first))]
        await until(lambda: load.known, "the keys are known")
        tasks += [asyncio.create_task(load.stay(person, *next(pairs))) for person in staying]
        tasks += [asyncio.create_task(load.sign_in(person, *next(pairs))) for person in signing_in]
        yield
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(end) for end in ends} == {asyncio.CancelledError}, ends


async def test_a176_two_rotations_under_load_refuse_nobody() -> None:
    async with quick() as service:
        load, bystander = Load(service), await newcomer(service)
        async with under_load(service, load):
            for _ in range(2):
                await asyncio.sleep(AHEAD + 1)
                await operate(service, "rotate")
            await asyncio.sleep(1.5)
        measured(f"two rotations under load: {sum(load.told.values())} requests, {len(load.kids)} keys, {load.told}")
        assert {status for _, status, _ in load.told} == {200}, load.told
        assert min(load.told.values()) > 5
        assert len(load.kids) == 3
        assert not load.strange
        async with lines(service, 2) as opened:  # with a token from before both
            replies = [await line.ask("GET", "/session", token=bystander.access_token) for line in opened]
        assert [reply.status for reply in replies] == [200, 200]


async def test_two_workers_rotate_by_themselves_exactly_once_each_time() -> None:
    every = 5.0
    async with quick(GATEHOUSE_TOKENS__ROTATE_EVERY=str(every)) as service:
        ada = await newcomer(service)
        for times in (1, 2):
            await until(lambda times=times: service.events("signing_key.retired") >= 2 * times, "it rotated")  # type: ignore[misc]
            await asyncio.sleep(5 * FOLLOW)
            for role in ("access", "internal"):
                told = [service.events(f"signing_key.{what}", role=role) for what in ("retired", "activated")]
                assert told == [times, times], role
            async with lines(service, 2) as opened:
                sets = [(await line.ask("GET", "/.well-known/jwks.json")).content for line in opened]
                assert sets[0] == sets[1]
                assert len(json.loads(sets[0])["keys"]) == 2 + times
                for line in opened:
                    assert (await line.ask("GET", "/session", token=ada.access_token)).status == 200


async def refuses(line: Line, person: Person) -> bool:
    return (await line.ask("GET", "/session", token=person.access_token)).status == 401


async def test_a_revoked_key_is_refused_by_both_workers_before_the_next_poll_is_over() -> None:
    async with quick() as service:
        ada, lags = await newcomer(service), []
        async with lines(service, 2) as opened:
            for _ in range(5):
                await ada.refresh()
                leaked = jwt.get_unverified_header(ada.access_token)["kid"]
                assert {(await line.ask("GET", "/session", token=ada.access_token)).status for line in opened} == {200}
                await operate(service, "revoke", leaked)
                began = time.monotonic()
                for line in opened:
                    await until(lambda line=line: refuses(line, ada), "it is refused")  # type: ignore[misc]
                lags.append(time.monotonic() - began)
                assert (await ada.refresh()).status_code == 200
        measured(f"revocation of a key, polled every {FOLLOW} s: at most {max(lags):.3f} s after the command's end")
        assert max(lags) <= 2 * FOLLOW
