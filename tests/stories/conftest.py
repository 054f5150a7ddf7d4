"""An installation whose signing keys rotate, on a database of its own: nobody else's replica looks after its keys."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.store.database import Database
from tests import postgres
from tests.rotation import Installation
from tests.world import settings_for


@pytest.fixture(scope="module")
async def own_database(postgres_url: str, worker_id: str) -> AsyncIterator[str]:
    name = f"rotating_{worker_id}"
    yield await postgres.create_migrated(postgres_url, name)
    await postgres.drop(postgres_url, name)


@pytest.fixture
async def installation(own_database: str, tmp_path: Path) -> AsyncIterator[Installation]:
    database, rows = Database(settings_for(own_database, tmp_path).database), await postgres.connect(own_database)
    await rows.execute(postgres.broom())
    yield Installation(own_database, tmp_path, database, rows)
    await rows.close()
    await database.close()
