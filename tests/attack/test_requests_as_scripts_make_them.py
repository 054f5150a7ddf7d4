"""What no browser sends: paths written another way, requests one upon the other, absolute forms, fifty megabytes of a password."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Line, Reply, Request, at_once, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer
from tests.attack.processes import until
from tests.attack.service import Service, serving

pytestmark = pytest.mark.attack

LOOKED_AT, REFUSED, NOWHERE = (401, "invalid_credentials"), (429, "rate_limited"), (404, "not_found")
WRONG_LINK = (400, "invalid_reset_token")
GUESSES = 10_000
EVIL = "evil.example"


@pytest.fixture(scope="module")
async def strict() -> AsyncIterator[Service]:
    limits = {"LOGIN": "enforce", "NETWORK": "enforce", "LOGIN_DELAYS": "60", "NETWORK_FAILURES": "1000/minute"}
    async with serving(workers=1, **{f"GATEHOUSE_LIMITS__{name}": value for name, value in limits.items()}) as service:
        yield service


def guess(email: str, path: str = "/login", method: str = "POST") -> Request:
    return Request(method, path, {"email": email, "password": "a wrong password"})


async def test_a082_requests_one_upon_the_other_are_counted_one_by_one(strict: Service) -> None:
    ada = await newcomer(strict)
    async with lines(strict, 1) as (line,):
        for _ in range(40):
            line.send(guess(ada.email))
        told = Counter([(await line.reply()).told for _ in range(40)])
    assert told == {LOOKED_AT: 5, REFUSED: 35}


async def test_a082_another_way_to_write_the_path_is_another_path_or_the_same_limit(strict: Service) -> None:
    ada = await newcomer(strict)
    async with lines(strict, 1) as (line,):
        for _ in range(5):
            assert (await line.answer(guess(ada.email))).told == LOOKED_AT
        for path in ("//login", "/login/", "/./login", "/x/../login", "/LOGIN", "/login;a=b", "/login%2f", "/login%20"):
            assert (await line.answer(guess(ada.email, path))).told == NOWHERE, path
        for path in ("/login", "/%6cogin", "/login?", "/login?x=1", f"http://{EVIL}/login"):
            assert (await line.answer(guess(ada.email, path))).told == REFUSED, path
    for method in ("HEAD", "GET", "PUT", "OPTIONS"):
        async with lines(strict, 1) as (line,):
            line.send(guess(ada.email, method=method))
            assert (await line.reader.readline()).split()[1] == b"405", method


async def test_a089_an_absolute_form_request_poisons_no_link(house: House) -> None:
    ada = await newcomer(house.service)
    async with lines(house.service, 1) as (line,):
        reply = await line.answer(Request("POST", f"http://{EVIL}/password/forgot", {"email": ada.email}))
    assert reply.status == 202
    (text,) = await links(ada)
    assert EVIL not in text
    assert "/reset#token=" in text


async def links(person: Person) -> list[str]:
    texts: list[str] = []

    async def have_come() -> bool:
        items = (await person.call("GET", f"/dev/inbox?to={person.email}")).json()["items"]
        texts[:] = [item["text"] for item in items if item["purpose"] == "reset"]
        return bool(texts)

    await until(have_come, "a link was mailed", within=5)
    return texts


async def reset_token(person: Person) -> str:
    expect(await person.call("POST", "/password/forgot", {"email": person.email}), 202)
    await links(person)
    return (await person.codes(person.email, "reset"))[0]


def resetting(token: str, password: str = "an altogether different phrase") -> Request:
    return Request("POST", "/password/reset", {"token": token, "password": password})


async def test_a088_of_fifty_uses_of_one_link_at_two_workers_one_wins(house: House) -> None:
    ada = await newcomer(house.service)
    token = await reset_token(ada)
    phrases = [f"an altogether different phrase, number {nth}" for nth in range(50)]
    replies = await at_once(house.service, [resetting(token, phrase) for phrase in phrases])
    told = [reply.told for reply in replies]
    assert Counter(told) == {(204, ""): 1, WRONG_LINK: 49}
    won = phrases[told.index((204, ""))]
    right = [await ada.call("POST", "/login", {"email": ada.email, "password": phrase}) for phrase in (won, PASSWORD)]
    assert [answer.status_code for answer in right] == [200, 401]


async def test_a088_ten_thousand_guesses_find_no_link_and_are_told_apart_by_nothing(house: House) -> None:
    ada = await newcomer(house.service)
    token = await reset_token(ada)
    left = iter(range(GUESSES))
    seen: Counter[tuple[tuple[str, ...], bytes]] = Counter()

    async def run(line: Line) -> None:
        for _ in left:
            seen[(await line.answer(resetting(secrets.token_urlsafe(32)))).seen()] += 1

    began = time.monotonic()
    async with lines(house.service, 20) as opened:
        await asyncio.gather(*(run(line) for line in opened))
        assert (await opened[0].answer(resetting(token))).told == (204, "")
    measured(f"{GUESSES} guesses in {time.monotonic() - began:.0f} s")
    assert list(seen.values()) == [GUESSES]


@pytest.mark.parametrize("size", [1024, 1024 * 1024, 50 * 1024 * 1024])
async def test_a076_a_password_of_any_size_costs_no_hash_beyond_its_limit(house: House, size: int) -> None:
    """Up to 16 KiB of body it is read, and refused for its length; beyond that it is not even taken in."""
    ada = await newcomer(house.service)
    took = []
    async with lines(house.service, 1) as (line,):
        head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        start = f'{{"email":"{ada.email}","password":"'.encode()
        began = time.perf_counter()
        line.writer.write(head.encode() + start)
        if size < 16 * 1024:
            line.writer.write(b"x" * (size - len(start) - 2) + b'"}')
        reply: Reply = await asyncio.wait_for(line.reply(), 5)
        took.append(time.perf_counter() - began)
    measured(f"a password of {size} bytes: {reply.told} after {took[0] * 1000:.0f} ms")
    assert reply.told == (LOOKED_AT if size < 16 * 1024 else (413, "payload_too_large"))
