"""SMS pumping: made-up numbers of one prefix, over two workers and real sockets, with a stand-in that counts what reaches Plivo."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.attack.cluster import postgres
from tests.attack.lines import Line, Reply, Request, at_once, lines
from tests.attack.measured import measured
from tests.attack.people import Person, expect, newcomer
from tests.attack.processes import until
from tests.attack.service import Service, serving
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn

pytestmark = pytest.mark.attack

NUMBERS = 500
CODE_LIFE, BLOCK = 1, 45
"""Seconds: minutes and hours would be long to wait for."""


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


@asynccontextmanager
async def enforcing(plivo: PlivoStandIn, **settings: str) -> AsyncIterator[Service]:
    account = {
        "GATEHOUSE_SMS__PLIVO_AUTH_ID": AUTH_ID,
        "GATEHOUSE_SMS__PLIVO_AUTH_TOKEN": AUTH_TOKEN,
        "GATEHOUSE_SMS__PLIVO_SRC": "+12025550100",
        "GATEHOUSE_SMS__PLIVO_BASE_URL": plivo.url,
        "GATEHOUSE_SMS_LIMITS__MODE": "enforce",
    }
    given = {f"GATEHOUSE_{name}": value for name, value in settings.items()}
    async with postgres() as cluster, serving(workers=2, database=cluster.url, **account, **given) as service:
        yield service


def code(plivo: PlivoStandIn) -> str:
    text: str = plivo.requests[-1].body["text"]
    return text[:6]


def enrolment(person: Person, number: str) -> Request:
    return Request("POST", "/me/factors", {"factor": "sms", "phone_number": number}, person.access_token)


async def pump(service: Service, prefix: str, pumpers: Sequence[Person]) -> Counter[tuple[int, str]]:
    """Enrol made-up numbers, as fast as the service answers: each pumper on a line of their own, over both workers."""
    left = iter([f"{prefix}{nth:04}" for nth in range(NUMBERS)])

    async def run(line: Line, person: Person) -> list[Reply]:
        return [await line.answer(enrolment(person, number)) for number in left]

    async with lines(service, len(pumpers)) as opened:
        asked = (run(line, person) for line, person in zip(opened, pumpers, strict=True))
        replies = [reply for some in await asyncio.gather(*asked) for reply in some]
    return Counter((reply.status, reply.body.get("challenge", {}).get("delivery", "")) for reply in replies)


async def resident(service: Service, plivo: PlivoStandIn, number: str) -> Person:
    """Somebody who really has a number of the prefix, and had it before."""
    person = await newcomer(service)
    person.phone = number
    expect(await person.begin(), 201)
    expect(await person.confirm(code(plivo)), 200)
    return person


async def test_a062_of_five_hundred_numbers_of_a_prefix_ten_are_sent_to(plivo: PlivoStandIn) -> None:
    """With the limits as they are shipped; people with a number of the prefix sign in meanwhile."""
    async with enforcing(plivo) as service:
        ada = await resident(service, plivo, "+18765559999")
        pumpers = [await newcomer(service) for _ in range(8)]
        told = await pump(service, "+1876555", pumpers)
        sent = len(plivo.requests) - 1
        measured(f"pumping, shipped limits: {dict(told)}; {sent} reached the provider")
        assert told == {(201, "accepted"): 9, (201, "none"): NUMBERS - 9}
        assert sent == 9
        assert expect(await ada.login(), 200).json()["challenge"]["delivery"] == "accepted"
        expect(await ada.verify(code(plivo)), 200)
        await service.stop()  # what is told once a minute is told now
        assert service.events("sms.refused", limit="prefix") == NUMBERS - 9


async def test_a062_the_breaker_stops_a_prefix_and_it_recovers_by_itself(plivo: PlivoStandIn) -> None:
    """No other limit holds: until ten codes have expired unanswered, five a second leave; then none, for a while.

    Everybody comes from one network here, which alone would close no prefix.
    """
    settings = {
        "SMS_LIMITS__PREFIX": "10/2second",
        "SMS_LIMITS__CONVERSION_NETWORKS": "1",
        "SMS_LIMITS__BLOCK": str(BLOCK),
        "MFA__CODE_LIFE": str(CODE_LIFE),
    }
    async with enforcing(plivo, **settings) as service:
        pumpers = [await newcomer(service) for _ in range(8)]
        began = time.monotonic()
        told = await pump(service, "+1876555", pumpers)
        took, sent = time.monotonic() - began, len(plivo.requests)
        measured(f"pumping, breaker alone: {dict(told)} in {took:.1f} s; {sent} reached the provider")
        assert took < BLOCK
        assert service.events("sms.blocked") == 1
        assert told[201, "accepted"] == sent
        assert 10 <= sent <= 11 + 5 * (CODE_LIFE + 1)

        ada = await newcomer(service)
        ada.phone = "+18765559999"

        async def is_sent() -> bool:
            await asyncio.sleep(0.5)
            return bool(expect(await ada.begin(), 201).json()["challenge"]["delivery"] == "accepted")

        await until(is_sent, "the prefix has recovered", within=2 * BLOCK)
        assert time.monotonic() - began > BLOCK
        assert len(plivo.requests) == sent + 1
        expect(await ada.confirm(code(plivo)), 200)


async def test_a061_two_hundred_sign_ins_at_once_send_three_codes(plivo: PlivoStandIn) -> None:
    async with enforcing(plivo) as service:
        ada = await resident(service, plivo, "+12025550123")
        before = len(plivo.requests)
        replies = await at_once(service, [ada.login_request()] * 200)
        assert {reply.status for reply in replies} <= {200, 503}
        assert len(plivo.requests) - before == 3
