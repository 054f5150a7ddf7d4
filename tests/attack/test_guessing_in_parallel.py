"""Whoever guesses a code gets five guesses a sign-in, however many arrive at once, on whichever worker."""

import asyncio

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Request, at_once, lines
from tests.attack.people import Person, expect, sign_in_id, with_phone
from tests.attack.processes import until

pytestmark = pytest.mark.attack

JUDGED = (401, "invalid_mfa_code")
EXHAUSTED = (429, "mfa_attempts_exhausted")


async def attempts(house: House, person: Person) -> int:
    spent: int = await house.one("SELECT attempts FROM challenges WHERE id = $1", sign_in_id(person.mfa_token))
    return spent


async def sessions(house: House, person: Person) -> int:
    count: int = await house.one(
        "SELECT count(*) FROM sessions JOIN users ON users.id = user_id WHERE email = $1", person.email
    )
    return count


async def test_a040_fifty_right_codes_at_once_open_exactly_one_session(house: House) -> None:
    ada = await with_phone(house.service)
    for _ in range(5):
        code, before = await ada.ask_code(), await sessions(house, ada)
        replies = await at_once(house.service, [ada.guess(code)] * 50)
        told = [reply.told for reply in replies]
        assert told.count((200, "")) == 1, told
        assert set(told) <= {(200, ""), JUDGED, EXHAUSTED}
        assert await sessions(house, ada) == before + 1


async def test_a035_two_hundred_wrong_codes_at_once_are_judged_exactly_five_times(house: House) -> None:
    ada = await with_phone(house.service)
    for _ in range(3):
        code = await ada.ask_code()
        replies = await at_once(house.service, [ada.guess(wrong) for wrong in await ada.wrong_codes(200)])
        told = [reply.told for reply in replies]
        assert (told.count(JUDGED), told.count(EXHAUSTED)) == (5, 195)
        assert sorted(reply.body["attempts_left"] for reply in replies if reply.told == JUDGED) == [0, 1, 2, 3, 4]
        assert await attempts(house, ada) == 5
        assert house.service.events("challenge.code_refused", challenge_id=str(sign_in_id(ada.mfa_token))) == 5
        assert (await ada.verify(code)).status_code == 429


async def test_n05_codes_asked_anew_amid_the_guesses_refill_nothing(house: House) -> None:
    ada = await with_phone(house.service)
    await ada.ask_code()
    anew = Request("POST", "/verify-otp/challenge", {"factor": "sms"}, ada.mfa_token)
    guesses = [ada.guess(wrong) for wrong in await ada.wrong_codes(60)]

    replies = await at_once(house.service, [asked for guess in guesses for asked in (guess, anew)])

    assert max(reply.status for reply in replies) < 500, {reply.told for reply in replies}
    assert [reply.told for reply in replies[::2]].count(JUDGED) == 5
    assert await attempts(house, ada) == 5
    assert (await ada.verify(await ada.code("sign_in"))).status_code == 429


@pytest.mark.parametrize("reset", [False, True])
async def test_a038_a_guess_counts_although_its_sender_hung_up(house: House, reset: bool) -> None:
    ada = await with_phone(house.service)
    code, sign_in = await ada.ask_code(), str(sign_in_id(ada.mfa_token))
    async with lines(house.service, 20) as opened:
        for line, wrong in zip(opened, await ada.wrong_codes(20), strict=True):
            line.send(ada.guess(wrong))
            await line.hang_up(reset=reset)

        async def all_is_spent() -> bool:
            return await attempts(house, ada) == 5

        await until(all_is_spent, "the guesses were counted", within=5)
    await until(lambda: house.service.events("challenge.code_refused", challenge_id=sign_in) == 5, "five were judged")
    assert (await ada.verify(code)).status_code == 429


async def test_a038_a_right_code_is_spent_although_its_sender_hung_up(house: House) -> None:
    ada = await with_phone(house.service)
    code, before = await ada.ask_code(), await sessions(house, ada)
    async with lines(house.service, 1) as (line,):
        line.send(ada.guess(code))
        await line.hang_up()

    async def is_open() -> bool:
        return await sessions(house, ada) > before

    await until(is_open, "the session is open", within=5)
    assert (await ada.verify(code)).status_code == 401
    assert await sessions(house, ada) == before + 1


async def test_a023_right_codes_of_others_are_wrong_ones(house: House) -> None:
    """Ten people answer at once, each with the code of another: nobody gets in, everybody's attempt counts."""
    people = await asyncio.gather(*(with_phone(house.service) for _ in range(10)))
    codes = [await person.ask_code() for person in people]
    replies = await at_once(
        house.service, [person.guess(code) for person, code in zip(people, codes[1:] + codes[:1], strict=True)]
    )
    assert {reply.told for reply in replies} == {JUDGED}
    assert [await attempts(house, person) for person in people] == [1] * 10
    for person, code in zip(people, codes, strict=True):
        expect(await person.verify(code), 200)
