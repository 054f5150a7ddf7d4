"""What the examples are tried on."""

import secrets
from collections.abc import AsyncIterator

import pytest

from tests import postgres


@pytest.fixture
async def own_database(postgres_url: str) -> AsyncIterator[str]:
    """The service brings a key of its own, which nobody else on its database has."""
    name = f"browser_{secrets.token_hex(4)}"
    yield await postgres.create_migrated(postgres_url, name)
    await postgres.drop(postgres_url, name)
