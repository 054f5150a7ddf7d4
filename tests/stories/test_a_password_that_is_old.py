"""A password is not changed because it is old: only for a reason (NIST SP 800-63B-4 §3.1.1.2)."""

from datetime import timedelta
from pathlib import Path

from tests.world import running, settings_for


async def test_nobody_is_asked_to_change_a_password_for_its_age(database_url: str, tmp_path: Path) -> None:
    async with running(settings_for(database_url, tmp_path, tokens={"rotate_every": "never"})) as world:
        ada = await world.signed_up()
        world.clock.forward(timedelta(days=5 * 365))
        answer = await ada.login()
        assert (answer.status_code, answer.json()["status"]) == (200, "authenticated")
