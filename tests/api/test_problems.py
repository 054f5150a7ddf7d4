"""Every refusal is one shape on the wire, whoever refuses, and never says what was sent."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from starlette.exceptions import HTTPException  # noqa: TID251  the framework raises it
from starlette.requests import Request

from app.api import problems
from app.api.problems import example, refusals, render
from app.problems import (
    InvalidMfaCode,
    InvalidToken,
    MissingToken,
    Overloaded,
    Problem,
    ResendTooSoon,
    StepUpRequired,
    ValidationFailed,
    catalogue,
)


def rendered(problem: Problem) -> Any:
    app = FastAPI()
    app.state.public_url = "https://auth.example.com/"
    return render(problem, Request({"type": "http", "app": app}))


@pytest.mark.parametrize("code", sorted(catalogue()))
async def test_each_problem_of_the_catalogue_reaches_the_wire(client: AsyncClient, code: str) -> None:
    answer = await client.get(f"/refuse/{code}")
    kind = catalogue()[code]

    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told.pop("errors") == [{"pointer": "#/x", "detail": "No."}]
    waiting = {"retry_after": int(answer.headers["retry-after"])} if kind.status in {429, 503} else {}
    expected = {"type": f"http://127.0.0.1:8000/problems/{code}", "title": kind.title, "status": kind.status}
    detail = {"detail": kind.otherwise} if kind.otherwise else {}
    assert told == {**expected, "code": code, **waiting, **detail}
    assert ("www-authenticate" in answer.headers) == (kind.status == 401)


@pytest.mark.parametrize(
    ("problem", "challenge"),
    [
        (MissingToken(), 'Bearer realm="gatehouse"'),
        (InvalidMfaCode(), 'Bearer realm="gatehouse"'),
        (InvalidToken(), 'Bearer realm="gatehouse", error="invalid_token"'),
        (StepUpRequired(), f'Bearer realm="gatehouse", {StepUpRequired.challenge}'),
    ],
)
def test_only_a_bad_token_is_called_a_bad_token(problem: Problem, challenge: str) -> None:
    assert rendered(problem).headers["www-authenticate"] == challenge


@pytest.mark.parametrize(("wait", "seconds"), [(0.0, "1"), (0.2, "1"), (30.0, "30"), (30.001, "31")])
def test_waiting_is_told_in_whole_seconds_never_too_few(wait: float, seconds: str) -> None:
    answer = rendered(ResendTooSoon(retry_after=timedelta(seconds=wait)))

    assert answer.headers["retry-after"] == seconds
    assert f'"retry_after":{seconds}'.encode() in answer.body


def test_a_problem_tells_what_helps() -> None:
    answer = rendered(InvalidMfaCode("It has expired.", attempts_left=0))

    assert b'"detail":"It has expired."' in answer.body
    assert b'"attempts_left":0' in answer.body
    assert b'"type":"https://auth.example.com/problems/invalid_mfa_code"' in answer.body


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "path", ["/nothing", "/me/", "//me", "/ME", "/me;.json", "/me/x.css", "/me%00", "/%2e%2e/me", "/", "/.git", "/.env"]
)
async def test_a134_only_the_exact_path_is_served_and_nothing_redirects(client: AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "location" not in answer.headers


async def test_a134_credentials_are_not_sent_on_with_a_307(client: AsyncClient) -> None:
    answer = await client.post("/people/", json={"email": "a@example.com", "password": "long enough"})

    assert answer.status_code == 404


async def test_a142_a_path_that_looks_like_a_file_is_not_the_page_before_it(client: AsyncClient) -> None:
    answer = await client.get("/me/x.css")

    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "TRACE", "OPTIONS", "HEAD"])
async def test_a133_another_method_is_told_all_that_the_path_takes(client: AsyncClient, method: str) -> None:
    answer = await client.request(method, "/me", headers={"X-HTTP-Method-Override": "GET"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")


async def test_a139_a_crash_says_nothing_of_itself(client: AsyncClient) -> None:
    answer = await client.get("/crash")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "malformed_request"), (413, "payload_too_large"), (418, "malformed_request"), (503, "overloaded"), (502, "internal_error")],
)  # fmt: skip
async def test_what_the_framework_refuses_is_a_problem_too(status: int, code: str) -> None:
    app = FastAPI()
    app.state.public_url = "http://127.0.0.1"
    problems.install(app)

    @app.get("/")
    async def refuse() -> None:
        raise HTTPException(status, SECRET)

    @app.post("/")
    async def read(body: list[int]) -> None: ...

    @app.get("/crash")
    async def crash() -> None:
        raise RuntimeError(SECRET)

    async with AsyncClient(transport=ASGITransport(app, raise_app_exceptions=False), base_url="http://x") as client:
        refused = await client.get("/")
        unread = await client.post("/", content=b"{", headers={"Content-Type": "application/json"})
        crashed = await client.get("/crash")

    assert refused.json()["code"] == code
    assert unread.json()["code"] == "malformed_request"
    assert crashed.json()["code"] == "internal_error"
    assert SECRET not in refused.text + unread.text + crashed.text


def test_refusals_of_one_status_stand_together() -> None:
    described = refusals(InvalidToken, MissingToken, StepUpRequired, Overloaded, body=True)

    shown = described[401]["content"]["application/problem+json"]
    assert set(shown["examples"]) == {"invalid_token", "step_up_required"}
    assert shown["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert described[401]["headers"]["WWW-Authenticate"]["required"] is True
    assert set(described[503]["content"]["application/problem+json"]["examples"]) == {
        "overloaded",
        "database_unavailable",
    }
    assert "Retry-After" in described[503]["headers"]
    assert list(described) == [400, 401, 413, 415, 421, 422, 431, 500, 503]


def test_a_route_describes_only_what_it_can_answer() -> None:
    assert list(refusals(database=False)) == [400, 421, 431, 500]
    assert list(refusals(parameters=True)) == [400, 421, 422, 431, 500, 503]


def test_examples_look_like_answers() -> None:
    assert example(InvalidMfaCode)["attempts_left"] == 4
    assert example(ValidationFailed)["errors"][0]["pointer"] == "#/email"
    assert example(ResendTooSoon)["retry_after"] == 30
