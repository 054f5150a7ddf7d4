"""A request is one log line of things that we chose; a crash is told without its words."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.types import Message

Ask = Callable[..., Awaitable[list[Message]]]


def told(lines: io.StringIO) -> list[dict[str, Any]]:
    """What the API said; the loop may speak of what an earlier test left behind, and a service of others of its jobs."""
    said = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in said if line["source"].startswith("app.api")]


async def test_a_request_is_one_line_of_what_we_chose(client: AsyncClient, lines: io.StringIO) -> None:
    hostile = {"X-Request-Id": "trace-0123", "User-Agent": 'x"}\x1b[2J'}
    await client.get("/items/e4eaaaf2-d142-11e1-b3e4-080027620cdd?limit=3&token=hunter2", headers=hostile)

    (line,) = told(lines)
    assert line.pop("ms") >= 0
    assert line.pop("time")
    assert line == {
        "event": "request", "level": "info", "source": "app.api", "request_id": "trace-0123",
        "method": "GET", "route": "/items/{item_id}", "status": 200,
    }  # fmt: skip


async def test_a_path_that_is_no_route_is_not_logged(client: AsyncClient, lines: io.StringIO) -> None:
    await client.get("/hunter2%0d%0aanna@example.com")

    assert [(line["route"], line["status"]) for line in told(lines)] == [("-", 404)]
    assert "hunter2" not in lines.getvalue()


async def test_a139_a_crash_is_logged_with_its_request_but_without_its_words(
    client: AsyncClient, lines: io.StringIO
) -> None:
    answer = await client.get("/crash")

    crash, request = told(lines)
    assert crash["exception"]["type"] == "builtins.RuntimeError"
    assert crash["exception"]["frames"][-1].endswith(" crash")
    assert crash["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    assert "hunter2" not in lines.getvalue()
    assert "anna" not in lines.getvalue()


async def test_an_answer_that_breaks_in_the_middle_is_cut_off_and_logged(
    little_app: FastAPI, ask: Ask, lines: io.StringIO
) -> None:
    sent = await ask(little_app, (b"host", b"localhost"), path="/half")

    assert [message.get("body") for message in sent] == [None, b"half"]
    assert [line["level"] for line in told(lines)] == ["error", "info"]


@pytest.mark.parametrize("path", ["/me", "/crash"])
async def test_a_client_that_is_gone_before_the_answer_is_no_error_of_its_own(
    little_app: FastAPI, ask: Ask, lines: io.StringIO, path: str
) -> None:
    async def send(_message: Message) -> None:
        raise BrokenPipeError

    await ask(little_app, (b"host", b"localhost"), path=path, send=send)

    errors = [line["exception"]["type"] for line in told(lines) if line["level"] == "error"]
    assert errors == (["builtins.RuntimeError"] if path == "/crash" else [])


async def test_each_of_many_requests_at_once_keeps_its_own_id(client: AsyncClient, lines: io.StringIO) -> None:
    ids = [f"request-{number:04}" for number in range(20)]
    await asyncio.gather(*(client.get("/crash", headers={"X-Request-Id": one}) for one in ids))

    assert sorted(line.get("request_id", str(line)) for line in told(lines)) == sorted(ids * 2)


async def test_a_client_that_leaves_while_sending_is_no_crash(little_app: FastAPI) -> None:
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/people", "headers": headers, "query_string": b""}
    await little_app(scope, receive, send)

    assert sent[0]["status"] == 499
