"""Spans on their way to a collector (OTLP over HTTP), in batches, on a thread beside the requests.

Law: what is not in KEPT does not leave, whatever FastAPI puts into a span; and nobody ever waits for the collector.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanContext, Status

from app.settings.telemetry import TelemetrySettings
from app.watch.logs import logger
from app.watch.spans import ERROR, FRAMES, REQUEST_ID

_METHOD, _ROUTE = "http.request.method", "http.route"
KEPT: Final = frozenset({_METHOD, _ROUTE, "http.response.status_code", "error.type", REQUEST_ID, ERROR, FRAMES})
"""The only attributes of a request that are exported. FastAPI sets more: path, query, Host, unknown methods."""

_MOST_WAITING, _BATCH = 2048, 128
_EVERY = timedelta(seconds=5)
_PATIENCE = timedelta(seconds=5)
_LAST_WORDS = timedelta(seconds=2)

_log = logger("app.watch.telemetry")


class Telemetry:
    """Only FastAPI is given `provider`: it is not the global one of the process."""

    def __init__(self, settings: TelemetrySettings) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it logs every failed batch; the gate logs once
        resource = Resource({"service.name": "gatehouse"}).merge(OTELResourceDetector().detect())
        sampler = ParentBased(TraceIdRatioBased(settings.ratio))
        exporter = OTLPSpanExporter(settings.traces_url, timeout=_PATIENCE.total_seconds())
        self._gate = Gate(exporter, resource)
        self.provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self.provider.add_span_processor(
            BatchSpanProcessor(self._gate, _MOST_WAITING, _EVERY.total_seconds() * 1000, _BATCH)
        )

    async def close(self) -> None:
        """Send what is left, for two seconds at most; what hangs longer ends with the process."""
        sending = threading.Thread(target=self.provider.shutdown, name="last spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, _LAST_WORDS.total_seconds())
        self._gate.shutdown()


class Gate(SpanExporter):
    """Exports a copy of each span with the attributes in KEPT only, and logs once when the collector does not take them."""

    def __init__(self, exporter: SpanExporter, resource: Resource) -> None:
        self._exporter = exporter
        self._resource = resource
        self._losing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export([self._kept(span) for span in spans])
        self._tell(losing=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _kept(self, span: ReadableSpan) -> ReadableSpan:
        """Copy a span, also without events, links, trace state and status description: all of them are free text."""
        attributes = {name: value for name, value in (span.attributes or {}).items() if name in KEPT}
        return ReadableSpan(
            name=" ".join(str(attributes[part]) for part in (_METHOD, _ROUTE) if part in attributes),
            context=_bare(span.context),
            parent=_bare(span.parent),
            resource=self._resource,
            attributes=attributes,
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def _tell(self, *, losing: bool) -> None:
        if losing and not self._losing:
            _log.warning(
                "traces.lost", advice="Does a collector answer at GATEHOUSE_TELEMETRY__ENDPOINT, and take them?"
            )
        if self._losing and not losing:
            _log.info("traces.taken_again")
        self._losing = losing


def _bare(context: SpanContext | None) -> SpanContext | None:
    return context and SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
