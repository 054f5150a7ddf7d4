"""What the real app adds to every answer, what it leaves out in production, and what stops its start."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Message

from app.api.problems import MEDIA_TYPE
from app.main import create_app
from app.settings import Settings
from app.settings.groups import LogSettings
from app.watch.logs import configure
from tests.world import KEY, World, own_logging, running, settings_for

URL = "https://id.example.com"
APP = "https://app.example.com"
EVIL = ["https://evil.example", "null", f"{APP}.evil.example", "https://evilapp.example.com", "http://app.example.com"]
EVIL += [f"{APP}:8443", "https://APP.example.com", "*", ""]


@pytest.fixture(scope="module")
async def public(worker_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Under a public address, with a page of another origin that is named."""
    http = {"public_url": URL, "cors_origins": [APP]}
    settings = settings_for(
        worker_database, tmp_path_factory.mktemp("public"), http=http, tokens={"rotate_every": "never"}
    )
    async with running(settings) as world:
        yield world


def operations(app: FastAPI) -> list[tuple[str, str]]:
    found = [(method, path) for path, methods in app.openapi()["paths"].items() for method in methods]
    assert len(found) >= 30
    return [*found, ("get", "/nothing"), ("trace", "/me"), ("get", "/docs"), ("get", "/openapi.json")]


async def test_a143_every_route_answers_with_the_security_headers(public: World) -> None:
    for method, path in operations(public.app):
        answer = await public.client.request(method, path, headers={"Content-Type": "application/json"}, content=b"{")
        told = answer.headers
        assert told.get_list("x-content-type-options") == ["nosniff"], path
        assert told.get_list("referrer-policy") == ["no-referrer"], path
        assert told.get_list("strict-transport-security") == ["max-age=63072000; includeSubDomains"], path
        assert len(told.get_list("content-security-policy")) == 1, path
        assert told["content-security-policy"].startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in told["content-security-policy"], path
        assert len(told.get_list("cache-control")) == 1, path
        assert "server" not in told
        assert "x-powered-by" not in told


@pytest.mark.parametrize("origin", EVIL)
async def test_a140_no_route_tells_a_foreign_origin_anything(public: World, origin: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    unchecked = httpx.ASGITransport(public.app)  # preflights are in no document
    async with httpx.AsyncClient(transport=unchecked, base_url=public.client.base_url) as browser:
        for method, path in operations(public.app):
            answer = await browser.request(method, path, headers={"Origin": origin})
            preflight = await browser.options(path, headers={"Origin": origin, **asked})
            assert preflight.status_code == 204
            told = [*answer.headers, *preflight.headers]
            assert not [name for name in told if name.startswith("access-control")], path


async def test_a130_the_links_of_answers_are_of_the_settings_never_of_the_host(public: World) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    for path in ("/nothing", "/.well-known/oauth-authorization-server", "/openapi.json", "/session", "/problems"):
        answer = await public.client.get(path, headers=forged)
        assert "evil.example" not in answer.text + str(answer.headers)


def production(**groups: Any) -> Settings:
    """Complete; nothing of it is reached, because the app is only made and never begins."""
    given: dict[str, Any] = {
        "secret_keys": [KEY],
        "database": {"url": "postgresql+asyncpg://gatehouse@127.0.0.1:1/gatehouse"},
        "tokens": {"issuer": URL},
        "http": {"public_url": URL},
        "email": {
            "smtp_url": "smtp://127.0.0.1:1",
            "from": "id@example.com",
            "reset_url": f"{APP}/reset",
            "undo_url": f"{APP}/undo",
        },
        "mfa": {"policy": "optional"},
        "sms": {"plivo_auth_id": "MA" + "X" * 18, "plivo_auth_token": "t", "plivo_src": "Brand", "regions": ["US"]},
    }
    return Settings(environment="production", **{**given, **groups})


def made(settings: Settings) -> httpx.AsyncClient:
    with own_logging():
        app = create_app(settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url=URL)


HIDDEN = ["/docs", "/docs/favicon.png", "/redoc", "/openapi.json", "/metrics", "/dev/inbox", "/debug", "/console"]
HIDDEN += ["/.git/config", "/.env", "/server-status", "/actuator/env", "/admin"]


async def test_a145_production_has_none_of_what_is_for_developers() -> None:
    client = made(production())
    for path in HIDDEN:
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, MEDIA_TYPE), path
    assert (await client.get("/livez")).status_code == 200


async def test_a145_the_documentation_is_shown_only_where_somebody_said_so() -> None:
    assert (await made(production(http={"public_url": URL, "docs": True})).get("/docs")).status_code == 200


@pytest.mark.parametrize(
    "key",
    ["secret", "changeme" * 5, "A" * 43, KEY[:-1], KEY + "AA", "0" * 64, "+/" * 21 + "A", ""],
)
def test_a146_a_key_that_is_short_or_no_chance_stops_the_start(key: str) -> None:
    with own_logging(), pytest.raises(ValueError, match="GATEHOUSE_SECRET_KEYS") as refusal:
        create_app(production(secret_keys=[SecretStr(key)]))
    assert not key or key not in str(refusal.value)


def test_a146_production_sends_no_make_believe_sms() -> None:
    with pytest.raises(ValueError, match="GATEHOUSE_SMS__PLIVO_AUTH_ID is not set; production needs it"):
        production(sms={"regions": ["US"]})


@pytest.fixture
def told(database_url: str, tmp_path: Path) -> Any:
    """What a fresh app says on its log of proxies, after each of *requests* came from *peer*."""

    async def ask(*requests: dict[str, str], peer: str = "127.0.0.1", **http: Any) -> list[dict[str, Any]]:
        async with running(settings_for(database_url, tmp_path, http=http)) as world:
            lines = io.StringIO()
            configure(LogSettings(), json=True, stream=lines)
            transport = httpx.ASGITransport(world.app, client=(peer, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                for headers in requests:
                    await client.post("/login", headers=headers, json={"email": "a@example.test", "password": "x" * 20})
            configure(LogSettings(), json=True, stream=io.StringIO())
        told = [json.loads(line) for line in lines.getvalue().splitlines()]
        return [line for line in told if line["event"] == "proxy.not_trusted"]

    return ask


FORWARDED = {"X-Forwarded-For": "198.51.100.4"}


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "172.17.0.1", "100.64.0.1", "fd00::1", "::1"])
async def test_a_proxy_that_nobody_named_is_told_of_once(told: Any, peer: str) -> None:
    (line,) = await told(FORWARDED, FORWARDED, peer=peer)

    assert (line["level"], line["peer"]) == ("warning", peer)
    assert "GATEHOUSE_HTTP__TRUSTED_PROXIES" in line["advice"]
    assert "198.51.100.4" not in str(line)


async def test_a_named_proxy_a_plain_client_and_a_stranger_are_not_told_of(told: Any) -> None:
    assert not await told(FORWARDED, peer="10.1.2.3", trusted_proxies=["10.0.0.0/8"])
    assert not await told({})
    assert not await told(FORWARDED, peer="8.8.8.8")


async def test_a148_a_websocket_is_closed_before_it_opens(public: World) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/session", "query_string": b"", "headers": [(b"host", b"127.0.0.1")]}
    await public.app(scope, receive, send)

    assert [message["type"] for message in sent] == ["websocket.close"]
