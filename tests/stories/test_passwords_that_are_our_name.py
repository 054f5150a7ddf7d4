"""What the service is called, and where it is, is no password on it (docs/passwords.md)."""

from pathlib import Path

import pytest

from tests.world import running, settings_for

HERE = {"brand": "Acme Bank", "http": {"public_url": "http://id.acme-bank.example"}}


@pytest.mark.parametrize("name", ["Acme Bank Acme Bank", "ID.acme-bank.example", "acme-bankacme-bank"])
async def test_the_brand_and_the_host_are_refused_at_sign_up(database_url: str, tmp_path: Path, name: str) -> None:
    async with running(settings_for(database_url, tmp_path, **HERE)) as world:
        ada = world.person()
        answer = await ada.call("POST", "/register", {"email": ada.email, "password": name})
        assert (answer.status_code, answer.json()["code"]) == (422, "password_blocklisted")
