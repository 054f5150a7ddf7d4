"""What a verb needs that works on the database of a running service: its settings, and events where no pipe reads them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.cli.development import furnished
from app.cli.environment import refuse
from app.cli.migrate import is_behind
from app.settings import Settings
from app.watch import logs


@contextmanager
def beside() -> Iterator[Settings]:
    with furnished() as settings:
        if is_behind(settings.database):
            refuse("The database's schema is older than this code: run `gatehouse migrate` first.")
        logs.configure(settings.logs, json=settings.logs_as_json, stream=sys.stderr)
        yield settings
