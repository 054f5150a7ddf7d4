"""A log with something in it, and the role that the service runs as where there are two."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.store.audit_roles import grant
from tests import postgres
from tests.audit import Log


@pytest.fixture
async def kept(log: Log) -> Log:
    """A log with some events in its chain."""
    ada = await log.world.signed_up()
    for _ in range(3):
        await ada.login()
    await log.seal()
    assert await log.found() == []
    return log


@pytest.fixture
async def service_role(kept: Log) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the service's own role, which owns nothing."""
    role = f"service_{kept.url.split('audit_')[1][:8]}"
    await kept.rows.execute(f"CREATE ROLE {role}")
    assert await grant(kept.settings.database, role)
    connection = await postgres.connect(kept.url)
    await connection.execute(f"SET ROLE {role}")
    yield connection
    await connection.close()
    await kept.rows.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
