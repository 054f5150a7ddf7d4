"""What docs/deployment.md names for an alert is the whole event of the line, in both formats."""

import io
import json

import pytest

from app.problems import DatabaseUnavailable
from app.settings.groups import LogSettings
from app.store.database import Database
from app.watch.logs import configure
from tests.postgres import settings_for


async def lost(stream: io.StringIO, *, as_json: bool) -> str:
    """The line of a database that nobody serves."""
    configure(LogSettings(), json=as_json, stream=stream)
    database = Database(settings_for("postgresql+asyncpg://gatehouse@127.0.0.1:1/gatehouse"))
    with pytest.raises(DatabaseUnavailable):
        await database.ping()
    await database.close()
    (line,) = stream.getvalue().splitlines()
    return line


async def test_a_database_that_is_gone_is_one_event_with_the_errors_name_beside_it(stream: io.StringIO) -> None:
    line = json.loads(await lost(stream, as_json=True))
    told = {name: line[name] for name in line.keys() - {"time"}}
    assert told == {
        "event": "database unavailable",
        "error": "ConnectionRefusedError",
        "level": "warning",
        "source": "gatehouse.store",
    }


async def test_for_the_eye_it_is_the_same(stream: io.StringIO) -> None:
    line = await lost(stream, as_json=False)
    assert line.endswith("warning database unavailable source=gatehouse.store error=ConnectionRefusedError")
