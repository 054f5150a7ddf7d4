"""Parses spans and points in time as operators write them: `30m`, `24h`, or a date, in UTC unless it has an offset."""

import re
from datetime import UTC, datetime, timedelta

import typer

from app.clock import SystemClock

METAVAR = "WHEN"
_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def span(text: str) -> timedelta:
    """Parse a span such as 30m, 24h or 7d. Raises BadParameter, with examples, for anything else."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise typer.BadParameter("write it like 30m, 24h or 7d")
    return int(found["count"]) * _UNITS[found["unit"]]


def moment(text: str) -> datetime:
    """Parse a date and time, or how long ago, to UTC. Raises BadParameter, with examples, for anything else."""
    if _SPAN.fullmatch(text):
        return SystemClock().now() - span(text)
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter("write it like 30m, 24h, 7d, 2026-03-01 or 2026-03-01T12:00:00Z") from None
