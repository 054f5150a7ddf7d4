"""Of several changes of a password in the same moment one wins, on whichever worker, and nothing of the others is left."""

from collections import Counter

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Reply, Request, at_once, both, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer
from tests.attack.processes import until

pytestmark = pytest.mark.attack

ROUNDS = 10
LOST = {(403, "wrong_current_password"), (401, "invalid_token")}
"""Refused when it came to writing, or, once the winner was through, at the current password or at the door."""
LIVE = "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL"


def changing(person: Person, old: str, new: str) -> Request:
    return Request("PUT", "/me/password", {"current_password": old, "new_password": new}, person.access_token)


async def refuse_traces_of_losers(house: House, ada: Person, replies: list[Reply], phrases: list[str]) -> str:
    """The password that is left."""
    told = [reply.told for reply in replies]
    assert told.count((204, "")) == 1, told
    assert set(told) <= LOST | {(204, "")}, told
    won = phrases[told.index((204, ""))]
    async with lines(house.service, 1) as (line,):
        statuses = {phrase: (await line.answer(ada.login_request(phrase))).status for phrase in phrases[:4]}
        assert (await line.answer(ada.login_request(won))).status == 200
    assert all((status == 200) == (phrase == won) for phrase, status in statuses.items())
    return won


async def test_two_sessions_on_two_workers_change_it_at_once_again_and_again(house: House) -> None:
    seen: Counter[tuple[int, str]] = Counter()
    async with lines(house.service, 2) as (left, right):
        for _ in range(ROUNDS):
            here = await newcomer(house.service)
            there = Person(house.service, email=here.email)
            await there.sign_in()
            user, phrases = await here.id(), ["the phrase of the left hand", "the phrase of the right hand"]
            asked = [changing(here, PASSWORD, phrases[0]), changing(there, PASSWORD, phrases[1])]
            replies = await both((left, asked[0]), (right, asked[1]))
            seen.update(reply.told for reply in replies)
            assert await house.one("SELECT credential_version FROM users WHERE id = $1", user) == 2
            assert await house.one(LIVE, user) == 1
            winner, loser = (here, there) if replies[0].status == 204 else (there, here)
            expect(await winner.session(), 200)
            expect(await winner.refresh(), 200)
            expect(await loser.refresh(), 401)
            await refuse_traces_of_losers(house, here, replies, phrases)
    measured(f"two at once: {dict(seen)}")
    assert seen[204, ""] == ROUNDS


async def test_fifty_changes_at_once_leave_one_password_one_mail_and_one_session(house: House) -> None:
    ada = await newcomer(house.service)
    user, phrases = await ada.id(), [f"one phrase of fifty, number {n}" for n in range(50)]
    replies = await at_once(house.service, [changing(ada, PASSWORD, phrase) for phrase in phrases])
    measured(f"fifty at once: {dict(Counter(reply.told for reply in replies))}")
    await refuse_traces_of_losers(house, ada, replies, phrases)
    assert await house.one("SELECT credential_version FROM users WHERE id = $1", user) == 2
    assert house.service.events("password.changed", user_id=str(user)) == 1
    expect(await ada.refresh(), 200)

    async def is_told() -> bool:
        return len(await ada.codes(ada.email, "notice")) > 0

    await until(is_told, "the owner is told", within=10)
    assert len(await ada.codes(ada.email, "notice")) == 1
