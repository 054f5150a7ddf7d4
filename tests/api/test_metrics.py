"""GET /metrics on the main port: with the token everything, without it nothing; and not there unless it is asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.measures import read
from tests.world import World, running, settings_for

TOKEN = "a-token-for-prometheus"


@pytest.fixture
async def watched(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    settings = settings_for(database_url, tmp_path, metrics={"token": TOKEN})
    async with running(settings) as world:
        yield world


async def scrape(world: World) -> str:
    answer = await world.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


async def test_a_sign_in_with_a_phone_is_seen_from_the_code_to_the_session(watched: World) -> None:
    before = await scrape(watched)
    ada = await watched.with_phone()
    await ada.login()
    wrong = await ada.verify(ada.wrong_code())
    await ada.verify(ada.code("sign_in"))
    ada.password = "a wrong one, and long enough"
    await ada.login()
    assert wrong.status_code == 401
    after = await scrape(watched)

    def more(name: str, **labels: str) -> float:
        return read(after, name, **labels) - read(before, name, **labels)

    steps = {step: more("gatehouse_factor_steps_total", factor="sms", step=step) for step in ("sent", "verified")}
    assert steps == {"sent": 2, "verified": 2}  # to enrol it, and to sign in
    assert more("gatehouse_factor_steps_total", factor="sms", step="refused") == 1
    outcomes = ("signed_in", "invalid_mfa_code", "invalid_credentials")
    assert [more("gatehouse_sign_ins_total", outcome=outcome) for outcome in outcomes] == [2, 1, 1]
    assert more("gatehouse_sms_verdicts_total", verdict="sent") == 2
    logins = {"method": "POST", "route": "/login"}
    assert more("gatehouse_http_requests_total", status="200", **logins) == 2
    assert more("gatehouse_http_request_seconds_count", **logins) == 3
    assert more("gatehouse_events_total", event="sign_in.completed") == 2
    assert more("gatehouse_hashing_seconds_count") >= 3


async def test_the_states_are_there_as_soon_as_it_serves(watched: World) -> None:
    text = await scrape(watched)
    assert read(text, "gatehouse_secret_keys") == 1
    assert read(text, "gatehouse_revocation_feed_read_timestamp_seconds") == watched.clock.now().timestamp()


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
async def test_without_the_token_nothing_is_said(watched: World, given: dict[str, str]) -> None:
    refused = await watched.client.get("/metrics", headers=given)
    assert refused.status_code == 401
    assert refused.json()["code"] == "invalid_token"


async def test_unless_it_is_asked_for_it_is_not_there(world: World) -> None:
    assert (await world.client.get("/metrics")).status_code == 404


async def test_a_port_of_its_own_leaves_the_main_port_without_it(database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path, metrics={"token": TOKEN, "port": 9100})
    async with running(settings) as world:
        answer = await world.client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 404
