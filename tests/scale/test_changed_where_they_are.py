"""What sign-ins and refreshes change has room in its page: it is changed there, no index is written, and nothing dead is left in one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import postgres
from tests.filling import every_table, filled
from tests.world import running, settings_for

MANY = 1000
CHANGES = "SELECT relname, n_tup_upd AS all, n_tup_hot_upd AS there FROM pg_stat_user_tables WHERE n_tup_upd > 0"
PATIENCE = 20
"""Seconds: PostgreSQL counts when a connection has nothing else to do."""


@pytest.fixture
async def full(postgres_url: str, worker_id: str) -> AsyncIterator[str]:
    """A database whose pages are as full as inserts make them."""
    async with filled(postgres_url, f"full_{worker_id}", every_table(MANY) | {"outbox": 0}) as url:
        yield url


async def test_refreshing_and_signing_in_write_no_index(full: str, tmp_path: Path) -> None:
    async with running(settings_for(full, tmp_path)) as world:
        ada = await world.with_app()
        for _ in range(20):
            await ada.refresh_session()
        for _ in range(5):
            await ada.login()
    rows = await postgres.connect(full)
    changes: dict[str, tuple[int, int]] = {}
    async with asyncio.timeout(PATIENCE):
        while changes.get("sessions", (0, 0))[0] < 20 or "users" not in changes:
            await asyncio.sleep(0.2)
            changes = {row["relname"]: (row["all"], row["there"]) for row in await rows.fetch(CHANGES)}
    await rows.close()
    for table in {"sessions", "users", "challenges"} & changes.keys():
        every, there = changes[table]
        assert there >= every * 0.8, (table, every, there)
