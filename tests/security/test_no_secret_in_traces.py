"""Every flow with values that were never seen before, right and wrong ones, and then none of them has come to the collector."""

from pathlib import Path

import httpx
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from app.watch.telemetry import KEPT
from tests.canaries import REFUSED, TOKEN, Canaries
from tests.journey import travel
from tests.standins.collector import PATH, CollectorStandIn, attributes
from tests.world import World, running, settings_for


async def test_a_journey_through_every_flow_tells_the_collector_no_secret(database_url: str, tmp_path: Path) -> None:
    with CollectorStandIn() as collector:
        async with running(settings_for(database_url, tmp_path, telemetry={"endpoint": collector.url})) as world:
            canaries = Canaries(world)
            world.client.event_hooks = {"response": [canaries.hear]}
            await travel(canaries, database_url)
            canaries.hear_messages()
        routes = {attributes(span.attributes).get("http.route") for span in collector.spans}
        named = {name for span in collector.spans for name in attributes(span.attributes)}
        assert len(canaries.values) == 8
        assert len(collector.spans) > 60
        assert {"/login", "/verify-otp", "/token/refresh", "/webhooks/plivo/{receipt}"} <= routes
        assert named == KEPT  # with the crashes of the journey
        assert canaries.found_in(collector.text) == []


async def test_the_search_finds_them_in_what_fastapi_tells_by_itself(world: World) -> None:
    """Else the test above could not fail."""
    canaries = Canaries(world)
    canaries.add(TOKEN, "canary-receipt-4f1d9c")
    canaries.add(REFUSED, "canary-query-4f1d9c")
    with CollectorStandIn() as collector:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(collector.url + PATH)))
        app = FastAPI(telemetry={"tracer_provider": provider})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            await client.get("/webhooks/plivo/canary-receipt-4f1d9c", params={"q": "canary-query-4f1d9c"})
        provider.shutdown()
        assert {kind for kind, _ in canaries.found_in(collector.text)} == {TOKEN, REFUSED}
