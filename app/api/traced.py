"""Decides which requests are traced and whose trace headers count. FastAPI makes spans; `watch.telemetry` exports them.

Law: only our own settings turn FastAPI's spans on; its logs, which hold the texts of exceptions, are never on.
"""

import re
from collections.abc import Iterable, MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig

from app.api.envelope import PROBES
from app.settings.http import HttpSettings
from app.visitor import Visitors
from app.watch.spans import Traces

OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
_TRACEPARENT = b"traceparent"
_OF_TRACES = frozenset({_TRACEPARENT, b"tracestate", b"baggage"})
_PARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def telemetry(traces: Traces | None, settings: HttpSettings) -> TelemetryConfig:
    """Configure FastAPI to record nothing, or one span per request."""
    if traces is None:
        return OFF
    left_out = Door(settings.trusted_proxies).leaves_out
    on: TelemetryConfig = {"tracing": True, "operation_spans": False, "tracer_provider": traces.provider}
    return {**OFF, **on, "exclude": left_out}


class Door:
    def __init__(self, proxies: Iterable[str]) -> None:
        self._visitors = Visitors(proxies)

    def leaves_out(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether a request has no span. Drops untrusted trace headers before FastAPI, which trusts all, reads them."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            return True
        scope["headers"] = self._believed(scope)
        return False

    def _believed(self, scope: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
        """Return the headers; of a trace's only an own proxy's well-formed `traceparent`: others are free text."""
        peer = scope["client"][0] if scope.get("client") else None
        told = [value for name, value in scope["headers"] if name == _TRACEPARENT]
        others = [pair for pair in scope["headers"] if pair[0] not in _OF_TRACES]
        if len(told) != 1 or not _PARENT.fullmatch(told[0]) or not self._visitors.trusts(peer):
            return others
        return [*others, (_TRACEPARENT, told[0])]
