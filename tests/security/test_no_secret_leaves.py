"""Every flow with values that were never seen before, right and wrong ones, and then none of them is where it must not be.

Looked for in the logs of both formats, in every answer, in the metrics, and in every column of the database (law 6).
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.settings.groups import LogSettings
from app.watch import logs
from tests.canaries import EMAIL, RECOVERY, SEED, TOKEN, Canaries, columns
from tests.journey import travel
from tests.world import logs_as_before, running, settings_for

METRICS = "a-token-for-prometheus"
_MINTING = ("/login", "/verify-otp", "/token/refresh", "/step-up", "/confirm")
_ADDRESSED = {"email", "email_folded", "recipient"}
"""Columns whose purpose is an address."""


@dataclass(frozen=True)
class Traveled:
    """What is left of the journey."""

    canaries: Canaries
    log: str
    metrics: str
    columns: dict[str, str]


async def _travel(database_url: str, folder: Path, *, as_json: bool) -> Traveled:
    stream, settings = io.StringIO(), settings_for(database_url, folder, metrics={"token": METRICS})
    with logs_as_before():
        async with running(settings) as world:
            logs.configure(LogSettings(level="DEBUG"), json=as_json, stream=stream)
            canaries = Canaries(world)
            world.client.event_hooks = {"response": [canaries.hear]}
            await travel(canaries, database_url)
            canaries.hear_messages()
            world.client.event_hooks = {}
            scraped = await world.client.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"})
            dump = await columns(database_url)
    return Traveled(canaries, stream.getvalue(), scraped.text, dump)


@pytest.fixture(params=["json", "console"])
async def traveled(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Traveled:
    return await _travel(database_url, tmp_path, as_json=request.param == "json")


async def test_a_journey_through_every_flow_leaves_no_secret_behind(traveled: Traveled) -> None:
    canaries = traveled.canaries
    assert {kind: len(values) >= 2 for kind, values in canaries.values.items()} == dict.fromkeys(canaries.values, True)
    assert len(canaries.values) == 8
    assert len(canaries.answers) > 60
    _in_log(traveled)
    assert canaries.found_in(traveled.metrics) == []
    assert "gatehouse_sign_ins_total" in traveled.metrics
    for answer in canaries.answers:
        _in_answer(canaries, answer)
    _in_database(traveled)


def _in_log(traveled: Traveled) -> None:
    """With the request on every line, and the session from where it is known."""
    canaries, log = traveled.canaries, traveled.log
    assert log.count("sign_in.completed") >= 5
    assert log.count("unhandled") >= 1
    assert [found for line in log.splitlines() for found in canaries.found_in(line)] == []
    if log.startswith("{"):
        told = [line for line in map(json.loads, log.splitlines()) if line["event"] == "request"]
        assert all("request_id" in line for line in told)
        of_sessions = {line["route"]: "session_id" in line for line in told if line["status"] == 200}
        assert of_sessions["/session"]
        assert not of_sessions["/login"]


def _in_answer(canaries: Canaries, answer: httpx.Response) -> None:
    path, status, text = _told(answer)
    allowed: set[str] = set()
    if status < 400 and path.endswith(_MINTING):
        allowed |= {TOKEN}
    if status == 201 and path == "/me/factors":
        allowed |= {SEED}
    if status < 400 and path.endswith(("/confirm", "/recovery-codes")):
        allowed |= {RECOVERY}
    if status < 400 and path in {"/me", "/me/export"}:
        allowed |= {EMAIL}
    assert canaries.found_in(text, but=frozenset(allowed)) == [], path


def _told(answer: httpx.Response) -> tuple[str, int, str]:
    path, status = answer.request.url.path, answer.status_code
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
    return path, status, f"{headers}\n{answer.text}"


def _in_database(traveled: Traveled) -> None:
    assert {"users.email", "sessions.id", "challenges.fingerprint"} <= traveled.columns.keys()
    for name, text in traveled.columns.items():
        is_address = name.partition(".")[2] in _ADDRESSED
        assert traveled.canaries.found_in(text, but=frozenset({EMAIL} if is_address else ())) == [], name


async def test_the_search_finds_what_it_looks_for(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path)) as world:
        canaries = Canaries(world)
        canaries.add("code", "123456")
        canaries.add("token", "ghr_abcdefghijklmnop")
        canaries.add("phone", "+12025550123")
    assert canaries.found_in("code=123456 ") == [("code", "123456")]
    assert canaries.found_in("0.123456 a123456 1234567") == []
    assert [kind for kind, _ in canaries.found_in("to 12025550123 with " + b"ghr_abcdefghijklmnop".hex())] == [
        "token",
        "phone",
    ]
