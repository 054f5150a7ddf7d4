"""The events among what a verb wrote to standard error, where a service in this process may write, too."""

import json
from typing import Any

from typer.testing import Result


def noted(done: Result, event: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    (found,) = [line for line in lines if line["event"] == event]
    return dict(found)
