"""Points in time as operators write them: how far back, or a date, in UTC where nothing else is said."""

import re
from datetime import UTC, datetime, timedelta

import typer

from app.clock import SystemClock

METAVAR = "WHEN"
_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def moment(text: str) -> datetime:
    """Raises BadParameter, with examples, for anything else."""
    if found := _SPAN.fullmatch(text):
        return SystemClock().now() - int(found["count"]) * _UNITS[found["unit"]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write it like 30m, 24h, 7d, 2026-03-01 or 2026-03-01T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
