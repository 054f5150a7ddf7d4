"""How often one network may sign up, ask for links and try codes: told before anything is looked at, alike to everybody."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from app.watch import logs
from tests.statements import asked
from tests.world import PASSWORD, Person, World, own_logging, running, settings_for

HOME, ELSEWHERE = "203.0.113.9", "198.51.100.7"
FEW = {"register_network": "3/hour", "forgot_network": "3/hour", "codes_network": "3/hour"}
CODES = [
    ("/verify-email", {"registration_id": str(uuid4()), "code": "000000"}),
    ("/verify-email/resend", {"registration_id": str(uuid4())}),
    ("/password/reset", {"token": "no such token", "password": PASSWORD}),
]


def behind_a_proxy(database_url: str, folder: Path, **limits: Any) -> AbstractAsyncContextManager[World]:
    """A service that believes what we say of where a request comes from."""
    http = {"trusted_proxies": ["127.0.0.1"], "cors_origins": ["https://app.example"]}
    more = {"http": http, "limits": {**FEW, **limits}, "logs": {"level": "INFO"}}
    return running(settings_for(database_url, folder, **more))


@pytest.fixture
async def strict(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with behind_a_proxy(database_url, tmp_path, network="enforce") as world:
        yield world


async def post(world: World, path: str, body: dict[str, str], network: str = HOME) -> httpx.Response:
    return await world.client.post(path, json=body, headers={"X-Forwarded-For": network})


async def register(world: World, network: str = HOME, *, email: str = "", password: str = PASSWORD) -> httpx.Response:
    body = {"email": email or Person(world).email, "password": password}
    return await post(world, "/register", body, network)


async def forgot(world: World, email: str, network: str = HOME) -> httpx.Response:
    return await post(world, "/password/forgot", {"email": email}, network)


async def test_the_fourth_sign_up_of_a_network_has_to_wait(strict: World) -> None:
    assert [(await register(strict)).status_code for _ in range(3)] == [202] * 3
    refused = await register(strict)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        429,
        "rate_limited",
        "1200",
    )
    assert (await register(strict, ELSEWHERE)).status_code == 202
    strict.clock.forward(timedelta(minutes=20))
    assert (await register(strict)).status_code == 202
    assert (await register(strict)).status_code == 429


async def test_an_ipv6_customer_has_one_limit_a_network_and_eight_times_as_much_in_all(strict: World) -> None:
    within = [await register(strict, f"2001:db8:1:2:{nth:x}::1") for nth in range(4)]
    assert [answer.status_code for answer in within] == [202, 202, 202, 429]
    around = [await register(strict, f"2001:db8:1:{nth:x}::1") for nth in range(16, 50)]
    assert [answer.status_code for answer in around].count(202) == 3 * 8 - 3


async def test_a074_known_and_unknown_addresses_are_refused_after_as_many_and_alike(strict: World) -> None:
    ada = await strict.signed_up()
    told = []
    for email, network in ((ada.email, HOME), ("nobody@example.test", ELSEWHERE)):
        answers = [await forgot(strict, email, network) for _ in range(5)]
        told.append(
            [
                (answer.status_code, answer.content, answer.headers["ratelimit"], answer.headers.get("retry-after"))
                for answer in answers
            ]
        )
    assert told[0] == told[1]
    assert [status for status, *_ in told[0]] == [202, 202, 202, 429, 429]


@pytest.mark.parametrize("known", [True, False])
async def test_a074_a_refused_sign_up_says_nothing_of_its_address(strict: World, known: bool) -> None:
    ada = await strict.signed_up()
    email = ada.email if known else Person(strict).email
    answers = [await register(strict, email=email) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert ada.email not in answers[-1].text


async def test_codes_and_reset_tokens_are_tried_and_mailed_out_of_one_limit(strict: World) -> None:
    for path, body in CODES:
        assert (await post(strict, path, body)).status_code in {202, 400}
    for path, body in CODES:
        assert (await post(strict, path, body)).json()["code"] == "rate_limited"
        assert (await post(strict, path, body, ELSEWHERE)).status_code in {202, 400}


async def test_what_is_refused_is_not_even_read(strict: World) -> None:
    """One statement and no hash: a flood costs whoever sends it."""
    for _ in range(3):
        await register(strict)
    with asked() as seen:
        assert (await register(strict, password="short")).status_code == 429
    assert re.findall(r"INSERT INTO (\w+)", " ".join(seen)) == ["network_limits"]


async def test_what_is_refused_does_not_prolong_the_wait(strict: World) -> None:
    for _ in range(3):
        await register(strict)
    assert {(await register(strict)).headers["retry-after"] for _ in range(20)} == {"1200"}


async def test_every_answer_says_where_the_network_stands(strict: World) -> None:
    answers = [await register(strict, password=password) for password in (PASSWORD, "short", PASSWORD, PASSWORD)]
    assert [answer.status_code for answer in answers] == [202, 422, 202, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"register-3600";q=3;w=3600'}
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"register-3600";r=2;t=1200',
        '"register-3600";r=1;t=2400',
        '"register-3600";r=0;t=3600',
        '"register-3600";r=0;t=3600',
    ]
    assert "ratelimit" not in (await strict.client.get("/livez")).headers


async def test_each_rule_of_a_limit_is_a_policy(database_url: str, tmp_path: Path) -> None:
    async with behind_a_proxy(database_url, tmp_path, network="enforce", register_network="2/minute;9/hour") as world:
        answer = await register(world)
        assert answer.headers["ratelimit-policy"] == '"register-60";q=2;w=60, "register-3600";q=9;w=3600'
        assert answer.headers["ratelimit"] == '"register-60";r=1;t=30, "register-3600";r=8;t=400'


async def test_a_page_of_a_named_origin_may_read_it(strict: World) -> None:
    answer = await strict.client.post(
        "/password/forgot", json={"email": "nobody@example.test"}, headers={"Origin": "https://app.example"}
    )
    assert "RateLimit" in answer.headers["access-control-expose-headers"]


async def test_record_only_notes_what_it_would_refuse_and_tells_nobody(database_url: str, tmp_path: Path) -> None:
    """As everywhere in development, where all come from one network."""
    log = StringIO()
    async with behind_a_proxy(database_url, tmp_path) as world:
        with own_logging():
            logs.configure(world_logs(database_url, tmp_path), json=True, stream=log)
            answers = [await register(world) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {202}
    assert not any({"ratelimit", "ratelimit-policy", "retry-after"} & set(answer.headers) for answer in answers)
    (told,) = [json.loads(line) for line in log.getvalue().splitlines() if "limit.exceeded" in line]
    assert (told["limit"], told["mode"], told["times"]) == ("register network", "record_only", "2")


def world_logs(database_url: str, folder: Path) -> Any:
    return settings_for(database_url, folder, logs={"level": "INFO"}).logs


async def test_what_is_enforced_is_an_event_without_a_word_on_whom(
    strict: World, tmp_path: Path, database_url: str
) -> None:
    log = StringIO()
    with own_logging():
        logs.configure(world_logs(database_url, tmp_path), json=True, stream=log)
        for _ in range(5):
            await register(strict, email="ada@example.test")
        assert "limit.exceeded" not in log.getvalue()
        strict.clock.forward(timedelta(minutes=1))
        await asyncio.sleep(1.5)
    (told,) = [line for line in log.getvalue().splitlines() if "register network" in line]
    assert "limit.exceeded" in told
    assert "enforce" in told
    assert json.loads(told)["times"] == "2"
    assert HOME not in told
    assert "ada@example.test" not in log.getvalue()


@pytest.mark.parametrize(("mode", "mails"), [("enforce", 1), ("record_only", 3)])
async def test_the_limits_of_mails_can_only_record_too(
    database_url: str, tmp_path: Path, mode: str, mails: int
) -> None:
    async with behind_a_proxy(database_url, tmp_path, mails=mode) as world:
        ada = await world.signed_up()
        for _ in range(3):
            assert (await forgot(world, ada.email)).status_code == 202
        await world.message(ada.email, "reset", beyond=mails - 1)
        await world.app.state.house.reset.background.drain(within=timedelta(seconds=5))
        assert sum(entry.purpose == "reset" for entry in world.inbox(ada.email)) == mails


async def test_a083_a_network_is_counted_at_all_replicas_together(database_url: str, tmp_path: Path) -> None:
    async with (
        behind_a_proxy(database_url, tmp_path, network="enforce") as one,
        behind_a_proxy(database_url, tmp_path, network="enforce") as other,
    ):
        told = [(await register(world)).status_code for world in (one, other) * 3]
    assert told == [202, 202, 202, 429, 429, 429]


async def test_a082_another_way_to_write_the_path_is_another_path(strict: World) -> None:
    """Nothing that reaches the route goes by another name, so nothing of it is counted elsewhere."""
    body = {"email": "nobody@example.test", "password": "a wrong password"}
    for path in ("//login", "/login/", "/LOGIN", "/login;a=b", "/login%2f", "/login%00", "/login%0a", "/login%7f"):
        answer = await strict.client.send(_raw(strict, "POST", path, body))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert (await strict.client.send(_raw(strict, "HEAD", "/login", body))).status_code == 405
    assert (await strict.client.send(_raw(strict, "GET", "/login", body))).status_code == 405


async def test_a082_an_escaped_letter_is_the_letter_and_counts_alike(strict: World) -> None:
    body = {"email": Person(strict).email, "password": PASSWORD}
    for path in ("/register", "/%72egister", "/r%65gister"):
        assert (await strict.client.send(_raw(strict, "POST", path, body))).status_code == 202
    assert (await strict.client.post("/register", json=body)).json()["code"] == "rate_limited"


def _raw(world: World, method: str, path: str, body: dict[str, str]) -> httpx.Request:
    """*path* as it is written here, which httpx would tidy up."""
    url = httpx.URL(str(world.client.base_url)).copy_with(raw_path=path.encode())
    return world.client.build_request(method, url, json=body)


async def test_the_windows_of_networks_are_not_logged_by_the_database(
    sweeper: asyncpg.Connection, strict: World
) -> None:
    await register(strict)
    assert await sweeper.fetchval("SELECT count(*) FROM network_limits") == 1
