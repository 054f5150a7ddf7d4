"""Whatever happens inside, an answer leaves with a request id and the security headers."""

import json
from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.types import Message

Serve = Callable[..., AsyncClient]
Ask = Callable[..., Awaitable[list[Message]]]


APP = "https://app.example.com"


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


EVERY_KIND = ["/me", "/crash", "/nothing", "/refuse/invalid_token", "/items/x", "/problems", "/docs", "/openapi.json"]


@pytest.mark.parametrize("path", EVERY_KIND)
async def test_a143_every_answer_has_the_security_headers(serve: Serve, path: str) -> None:
    answer = await serve(public_url="https://127.0.0.1").get(path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "permissions-policy" in answer.headers
    assert answer.headers["x-request-id"]
    assert "cache-control" in answer.headers


async def test_a143_refusals_at_the_door_and_preflights_have_them_too(serve: Serve) -> None:
    client = serve(public_url="https://127.0.0.1", cors_origins=(APP,))
    preflight = await client.options("/people", headers={"Origin": APP, **PREFLIGHT})
    fat = await client.get("/me", headers={"X-Fat": "x" * 17_000})

    for answer in (preflight, fat):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"]
        assert answer.headers["x-request-id"]


async def test_without_tls_nobody_is_told_to_insist_on_it(client: AsyncClient) -> None:
    assert "strict-transport-security" not in (await client.get("/me")).headers


async def test_a_route_may_set_its_own_policy_and_caching(client: AsyncClient) -> None:
    answer = await client.get("/page")

    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.get_list("cache-control") == ["max-age=1"]


async def test_a_request_id_is_made_and_given_to_the_route(client: AsyncClient) -> None:
    first, second = await client.get("/me"), await client.get("/me")

    assert first.json()["request_id"] == first.headers["x-request-id"]
    assert len(first.headers["x-request-id"]) == 32
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_a_plain_request_id_is_taken_over(client: AsyncClient) -> None:
    answer = await client.get("/me", headers={"X-Request-Id": "trace-0123.4567_89"})

    assert answer.headers["x-request-id"] == "trace-0123.4567_89"


@pytest.mark.parametrize(
    "asked", [b"short", b"x" * 65, b"a b c d e f", b"\x1b[31mred\x1b[0m", b"a\xe2\x80\xa8bcdefgh", b"1234567890\n"]
)
async def test_any_other_request_id_is_replaced(little_app: FastAPI, ask: Ask, asked: bytes) -> None:
    start, _ = await ask(little_app, (b"host", b"localhost"), (b"x-request-id", asked))

    assert len(dict(start["headers"])[b"x-request-id"]) == 32


@pytest.mark.parametrize(
    "hosts",
    [[], [b"127.0.0.1", b"127.0.0.1"], [b""], [b"user@127.0.0.1"], [b"127.0.0.1:port"], [b"127.0.0.1:80:80"], [b"a/b"], [b"a b"], [b"[::1"]],
)  # fmt: skip
async def test_a130_without_exactly_one_host_nothing_is_served(
    little_app: FastAPI, ask: Ask, hosts: list[bytes]
) -> None:
    start, body = await ask(little_app, *((b"host", host) for host in hosts))

    assert start["status"] == 400
    assert json.loads(body["body"])["code"] == "malformed_request"


@pytest.mark.parametrize(
    "host", ["auth.example.com", "AUTH.example.com:443", "localhost:8000", "127.0.0.1", "[::1]:8000"]
)
async def test_production_answers_for_its_own_name_and_loopback(serve: Serve, host: str) -> None:
    client = serve(environment="production", public_url="https://auth.example.com")

    assert (await client.get("/me", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "auth.example.com.evil.example", "auth.example.com.", "10.0.0.5"])
async def test_a130_production_does_not_answer_for_another_name(serve: Serve, host: str) -> None:
    client = serve(environment="production", public_url="https://auth.example.com")
    refused = await client.get("/me", headers={"Host": host})
    probed = await client.get("/livez", headers={"Host": host})

    assert (refused.status_code, refused.json()["code"]) == (421, "misdirected_request")
    assert probed.status_code == 404  # let through to the routes, of which the little app has none for probes


async def test_production_may_be_reached_by_an_address(serve: Serve) -> None:
    client = serve(environment="production", public_url="https://[2001:db8::1]")

    assert (await client.get("/me", headers={"Host": "[2001:db8::1]"})).status_code == 200


@pytest.mark.parametrize("headers", [{"X-Fat": "x" * 17_000}, {f"X-{number}": "x" * 100 for number in range(160)}])
async def test_fat_headers_are_refused(client: AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.get("/me", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


async def test_a148_an_upgrade_is_not_accepted(little_app: FastAPI) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await little_app({"type": "websocket", "path": "/me", "query_string": b"", "headers": []}, receive, send)

    assert [message["type"] for message in sent] == ["websocket.close"]
