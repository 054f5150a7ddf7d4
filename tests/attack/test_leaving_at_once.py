"""Fifty requests delete an account while its sessions are refreshed: it is gone once, and nothing of it is good a second later."""

import asyncio
import time
from collections import Counter

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Line, Request, at_once, lines
from tests.attack.measured import measured
from tests.attack.people import Person, newcomer, refreshing, with_phone
from tests.attack.processes import until

pytestmark = pytest.mark.attack

ROUNDS = 5
LEFT = """SELECT (SELECT count(*) FROM users WHERE id = $1) + (SELECT count(*) FROM sessions WHERE user_id = $1)
    + (SELECT count(*) FROM devices WHERE user_id = $1) + (SELECT count(*) FROM enrollments WHERE user_id = $1)"""
TOLD = "SELECT count(*) FROM outbox WHERE recipient = $1 AND template = 'account_deleted'"


def deleting(person: Person) -> Request:
    return Request("DELETE", "/me", token=person.access_token)


async def lag(line: Line, token: str, since: float) -> float:
    """Seconds since *since* until this worker refuses *token*."""
    while (await line.ask("GET", "/session", token=token)).status != 401:
        assert time.monotonic() - since < 3, "not within three seconds"
        await asyncio.sleep(0.01)
    return time.monotonic() - since


async def test_a026_fifty_deletions_beside_refreshes_delete_once_and_end_everything(house: House) -> None:
    seen, lags = Counter[tuple[int, str]](), list[float]()
    for _ in range(ROUNDS):
        ada = await with_phone(house.service)
        tablet = Person(house.service, email=ada.email, phone=ada.phone)
        await tablet.sign_in()
        user = await ada.id()
        crowd = [deleting(ada), refreshing(ada.refresh_token), deleting(ada), refreshing(tablet.refresh_token)] * 25
        async with lines(house.service, 2) as watching:
            replies = await at_once(house.service, crowd)
            since = time.monotonic()
            deletions, refreshes = replies[::2], replies[1::2]
            seen.update(reply.told for reply in deletions)
            assert [reply.status for reply in deletions].count(204) == 1, seen
            minted = {reply.body["access_token"] for reply in refreshes if reply.status == 200}
            for token in (ada.access_token, tablet.access_token, *sorted(minted)[-3:]):
                lags += await asyncio.gather(*(lag(line, token, since) for line in watching))
        assert await house.one(LEFT, user) == 0
        assert {reply.status for reply in refreshes} <= {200, 401, 503}
        assert (await ada.refresh()).status_code == 401
        assert (await tablet.refresh()).status_code == 401
    measured(f"deletions: {dict(seen)}; longest a token was good after the last answer: {max(lags):.3f} s")
    assert {status for status, _ in seen} <= {204, 401, 503}
    assert max(lags) <= 1.0


async def test_each_deletion_is_told_once(house: House) -> None:
    """Those that lost write no mail: its row is undone with their transaction."""
    ada = await newcomer(house.service)
    await at_once(house.service, [deleting(ada)] * 50)
    waiting = await house.one(TOLD, ada.email)

    async def told() -> int:
        answer = await ada.call("GET", f"/dev/inbox?to={ada.email}")
        return sum("was deleted" in item["text"] for item in answer.json()["items"])

    await until(told, "a mail said so")
    assert await told() == 1
    assert waiting <= 1
    assert await house.one(TOLD, ada.email) == 0
