"""Exposes the metrics of a running service: a fresh folder that its workers write to, and one port of the parent's."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.cli.environment import refuse
from app.settings import Settings
from app.settings.metrics import MetricsSettings
from app.watch.exposition import FOLDER, listening


@contextmanager
def measured(settings: Settings) -> Iterator[None]:
    """Provide folder and port during the block. A single worker is this process, and needs no folder."""
    with ExitStack() as open_:
        if settings.metrics.wanted and settings.workers > 1:
            os.environ[FOLDER] = open_.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-metrics-"))
            open_.callback(os.environ.pop, FOLDER)
        if settings.metrics.port:
            _listen(open_, settings.metrics, settings.metrics.port)
        yield


def _listen(open_: ExitStack, metrics: MetricsSettings, port: int) -> None:
    token = metrics.token.get_secret_value() if metrics.token else None
    try:
        open_.enter_context(listening(metrics.host, port, token=token))
    except OSError as refused:
        refuse(f"GATEHOUSE_METRICS__PORT: cannot listen on {metrics.host}:{port} ({refused.strerror}).")
