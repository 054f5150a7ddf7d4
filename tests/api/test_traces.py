"""A request is one span of words of ours, in the trace that an own proxy names; and without a setting there is none."""

import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from app.api.traced import Door
from app.settings.groups import LogSettings
from app.watch import logs
from tests.standins.collector import CollectorStandIn, attributes
from tests.world import World, own_logging, running, settings_for

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CANARY = "canary4f1d9c"


@pytest.fixture
def collector() -> Any:
    with CollectorStandIn() as collector:
        yield collector


@pytest.fixture
def given(collector: CollectorStandIn, database_url: str, tmp_path: Path) -> dict[str, Any]:
    return {"database_url": database_url, "data_dir": tmp_path, "telemetry": {"endpoint": collector.url}}


@asynccontextmanager
async def traced(given: dict[str, Any], **more: Any) -> AsyncIterator[World]:
    """When it ends, every span has come to the collector."""
    async with running(settings_for(**given, **more)) as world:
        yield world


def raw(world: World, *, peer: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client that is not held to the document."""
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False, client=(peer, 4242))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


async def test_a_request_is_one_span(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    async with traced(given) as world:
        answer = await world.client.get("/session", params={"q": CANARY}, headers={"User-Agent": CANARY})
    (span,) = collector.spans
    assert (span.name, span.kind, span.status.code) == ("GET /session", Span.SPAN_KIND_SERVER, 0)
    assert attributes(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/session",
        "http.response.status_code": 401,
        "gatehouse.request_id": answer.headers["x-request-id"],
    }
    assert CANARY not in collector.text
    assert "127.0.0.1" not in str(span)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", f"/webhooks/plivo/{CANARY}", "POST /webhooks/plivo/{receipt}"),
        ("GET", f"/{CANARY}?{CANARY}={CANARY}", "GET"),
        (CANARY.upper(), "/session", "_OTHER /session"),
    ],
)
async def test_neither_path_nor_query_nor_a_method_is_repeated(
    collector: CollectorStandIn, given: dict[str, Any], method: str, path: str, name: str
) -> None:
    async with traced(given) as world, raw(world) as client:
        assert (await client.request(method, path, content=b"x=y")).status_code >= 400
    assert [span.name for span in collector.spans] == [name]
    assert CANARY not in collector.text.lower()


async def test_a_refused_value_is_not_repeated(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    async with traced(given) as world:
        body = {"email": CANARY, "password": CANARY * 3, CANARY: CANARY}
        assert (await world.client.post("/login", json=body)).status_code == 422
    assert collector.span("POST /login").status.code == 0
    assert CANARY not in collector.text


async def test_a_crash_is_told_by_type_and_frames(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    async def crash(token: str) -> None:
        raise LookupError(f"{token} {CANARY}")

    async with traced(given) as world, raw(world) as client:
        world.app.add_api_route("/crash/{token}", crash)
        assert (await client.get(f"/crash/{CANARY}")).status_code == 500
    span = collector.span("GET /crash/{token}")
    told = attributes(span.attributes)
    assert (told["exception.type"], told["error.type"]) == ("builtins.LookupError", "500")
    assert str(told["exception.stacktrace"]).splitlines()[-1].startswith("tests/api/test_traces.py:")
    assert (span.status.code, span.status.message) == (span.status.STATUS_CODE_ERROR, "")
    assert CANARY not in collector.text


async def test_probes_are_not_traced(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    async with traced(given) as world:
        for probe in ("/livez", "/readyz"):
            assert (await world.client.get(probe)).status_code == 200
    assert collector.requests == []


async def test_every_line_of_a_request_names_its_trace(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    stream = io.StringIO()
    with own_logging():
        async with traced(given) as world:
            logs.configure(LogSettings(level="DEBUG"), json=True, stream=stream)
            await world.client.post("/login", json={"email": "ada@example.test", "password": "not hers, but long"})
            await world.client.get("/livez")
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    (trace,) = {span.trace_id.hex() for span in collector.spans}
    (request_id,) = {line["request_id"] for line in told if line.get("route") == "/login"}
    of_login = [line for line in told if line.get("request_id") == request_id]
    assert len(of_login) >= 2
    assert {line["trace_id"] for line in of_login} == {trace}
    (probe,) = [line for line in told if line.get("route") == "/livez"]
    assert "trace_id" not in probe


NAMED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": f"k={CANARY}", "baggage": f"k={CANARY}"}


async def test_an_own_proxys_trace_goes_on(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    async with (
        traced(given, http={"trusted_proxies": ["10.0.0.0/8"]}) as world,
        raw(world, peer="10.1.2.3") as client,
    ):
        await client.get("/session", headers=NAMED)
    (span,) = collector.spans
    assert (span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) == (TRACE, PARENT, "")
    assert CANARY not in collector.text


async def test_nobody_elses_does(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    async with (
        traced(given, http={"trusted_proxies": ["10.0.0.0/8"]}) as world,
        raw(world, peer="192.0.2.7") as client,
    ):
        await client.get("/session", headers=NAMED)
        await client.get("/session", headers={**NAMED, "traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert len(collector.spans) == 2  # and nobody keeps a request out of the traces
    assert TRACE not in {span.trace_id.hex() for span in collector.spans}
    assert [span.parent_span_id for span in collector.spans] == [b"", b""]


async def test_a_trace_that_is_none_is_begun_anew(collector: CollectorStandIn, given: dict[str, Any]) -> None:
    wrong = (f"00-{TRACE}-{PARENT}-01-x", f"01-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01")
    async with (
        traced(given, http={"trusted_proxies": ["10.0.0.0/8"]}) as world,
        raw(world, peer="10.1.2.3") as client,
    ):
        for told in ("", "00", *wrong, "x" * 9000):
            assert (await client.get("/session", headers={"traceparent": told})).status_code == 401
        twice = [("traceparent", f"00-{TRACE}-{PARENT}-01")] * 2
        assert (await client.get("/session", headers=twice)).status_code == 401
    assert {span.parent_span_id for span in collector.spans} == {b""}
    assert len({span.trace_id for span in collector.spans} - {bytes.fromhex(TRACE), bytes(16)}) == 7


@pytest.mark.parametrize(("peer", "believed"), [("10.1.2.3", {"traceparent"}), ("192.0.2.7", set()), (None, set())])
def test_what_else_is_said_of_traces_is_not_even_read(peer: str | None, believed: set[str]) -> None:
    told = [(name.encode(), value.encode()) for name, value in NAMED.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "path": "/session",
        "headers": [(b"host", b"x"), *told],
        "client": peer and (peer, 1),
    }
    assert not Door(["10.0.0.0/8"]).leaves_out(scope)
    assert {name.decode() for name, _ in scope["headers"]} == {"host", *believed}


async def test_an_own_proxy_decides_whether_its_requests_are_traced(
    collector: CollectorStandIn, given: dict[str, Any]
) -> None:
    given["telemetry"]["ratio"] = 0.0
    async with (
        traced(given, http={"trusted_proxies": ["10.0.0.0/8"]}) as world,
        raw(world, peer="10.1.2.3") as client,
    ):
        for sampled in ("00", "01"):
            await client.get("/session", headers={"traceparent": f"00-{TRACE}-{PARENT}-{sampled}"})
        await client.get("/session")
    assert len(collector.spans) == 1


LOADED = """
import sys
from app.main import create_app
from app.settings import Settings
create_app(Settings(environment="development", secret_keys=["mJzJ0nqcQ4m1Jt7VdXo9bq3u5Qk2Yh8LrWcE6sTfGvA"],
    database={"url": "postgresql+asyncpg://127.0.0.1:1/nobody"}, telemetry={"endpoint": sys.argv[1] or None}))
print(sorted({name for name in sys.modules if name in {"opentelemetry.sdk", "opentelemetry.exporter", "google.protobuf"}}))
"""


@pytest.mark.parametrize(
    ("endpoint", "loaded"),
    [("", []), ("http://127.0.0.1:1", ["google.protobuf", "opentelemetry.exporter", "opentelemetry.sdk"])],
)
def test_its_libraries_are_loaded_only_where_it_is_wanted(endpoint: str, loaded: list[str]) -> None:
    told = subprocess.run([sys.executable, "-c", LOADED, endpoint], check=True, capture_output=True, text=True)
    assert told.stdout == f"{loaded}\n"


async def test_without_the_setting_a_request_has_no_trace(world: World) -> None:
    stream = io.StringIO()
    with own_logging():
        logs.configure(LogSettings(), json=True, stream=stream)
        await world.client.get("/session")
        logs.configure(LogSettings(level="ERROR"), json=True)
    assert stream.getvalue().count("request_id") >= 1
    assert "trace_id" not in stream.getvalue()
