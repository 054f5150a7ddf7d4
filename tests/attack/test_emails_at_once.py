"""Of many who confirm a change of e-mail, undo it, or want one address at the same moment, exactly one wins, on whichever worker."""

from collections import Counter

import pytest

from tests.attack.conftest import House
from tests.attack.lines import Request, at_once, both, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer, refreshing
from tests.attack.processes import until

pytestmark = pytest.mark.attack

LIVE = "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL"


async def code_at(house: House, email: str, *, beyond: int = 0) -> str:
    mailbox = Person(house.service, email=email)
    return await mailbox.mailed_code(beyond=beyond)


def confirming(person: Person, code: str) -> Request:
    return Request("POST", "/me/email/confirm", {"code": code}, person.access_token)


async def ask(person: Person, email: str) -> None:
    expect(await person.call("PUT", "/me/email", {"email": email}, token=person.access_token), 202)


async def undo_token(house: House, old: str) -> str:
    mailbox = Person(house.service, email=old)

    async def has_come() -> bool:
        return any(await mailbox.codes(old, "notice"))

    await until(has_come, "the link came", within=10)
    return next(code for code in await mailbox.codes(old, "notice") if code)


async def test_fifty_confirmations_and_then_fifty_undoings_at_once_each_happen_once(house: House) -> None:
    ada = await newcomer(house.service)
    user, old, new = await ada.id(), ada.email, Person(house.service).email
    await ask(ada, new)

    confirmed = await at_once(house.service, [confirming(ada, await code_at(house, new))] * 50)

    told = Counter(reply.told for reply in confirmed)
    assert told == {(204, ""): 1, (400, "invalid_verification_code"): 49}
    assert await house.one("SELECT credential_version FROM users WHERE id = $1", user) == 2
    assert await house.one("SELECT count(*) FROM email_undos WHERE user_id = $1", user) == 1
    token = await undo_token(house, old)

    undone = await at_once(house.service, [Request("POST", "/email/undo", {"token": token})] * 50)

    told = Counter(reply.told for reply in undone)
    measured(f"fifty undoings at once: {dict(told)}")
    assert told == {(204, ""): 1, (400, "invalid_reset_token"): 49}
    assert await house.one("SELECT email FROM users WHERE id = $1 AND password_expired", user) == old
    assert await house.one("SELECT credential_version FROM users WHERE id = $1", user) == 3
    assert await house.one(LIVE, user) == 0

    async def is_dead() -> bool:
        asked = [Request("GET", "/session", token=ada.access_token)] * 8
        return {reply.status for reply in await at_once(house.service, asked)} == {401}

    await until(is_dead, "both workers know that the session ended", within=1.5)


async def test_two_who_confirm_the_same_address_at_once_do_not_both_get_it(house: House) -> None:
    async with lines(house.service, 2) as (left, right):
        for _ in range(5):
            ada, bob = await newcomer(house.service), await newcomer(house.service)
            wanted = Person(house.service).email
            await ask(ada, wanted)
            first = await code_at(house, wanted)
            await house.sql.execute("DELETE FROM limits")
            await ask(bob, wanted)
            second = await code_at(house, wanted, beyond=1)
            replies = await both((left, confirming(ada, first)), (right, confirming(bob, second)))
            assert sorted(reply.told for reply in replies) == [(204, ""), (400, "invalid_verification_code")]
            assert await house.one("SELECT count(*) FROM users WHERE email = $1", wanted) == 1


async def test_an_address_that_is_left_and_registered_at_once_stays_held(house: House) -> None:
    """Whoever takes it waits for whoever leaves it, and then sees that it is held: a look beforehand would not."""
    async with lines(house.service, 2) as (left, right):
        for _ in range(5):
            ada, squatter = await newcomer(house.service), Person(house.service)
            expect(await squatter.register(), 202)
            code, old, new = await squatter.mailed_code(), ada.email, Person(house.service).email
            await house.sql.execute(
                "UPDATE registrations SET email = $1, email_folded = $1 WHERE email = $2", old, squatter.email
            )
            await ask(ada, new)
            body = {"registration_id": squatter.registration_id, "code": code}
            replies = await both(
                (left, confirming(ada, await code_at(house, new))), (right, Request("POST", "/verify-email", body))
            )
            assert [reply.told for reply in replies] == [(204, ""), (400, "invalid_verification_code")]
            assert await house.one("SELECT count(*) FROM users WHERE email = $1", old) == 0
            undo = Request("POST", "/email/undo", {"token": await undo_token(house, old)})
            assert (await left.answer(undo)).status == 204


async def test_everything_at_once_about_an_address_crosses_without_a_crash(house: House) -> None:
    ada = await newcomer(house.service)
    old, seen = ada.email, Counter[tuple[int, str]]()
    for _ in range(3):
        new = Person(house.service).email
        await ask(ada, new)
        confirm = confirming(ada, await code_at(house, new))
        again = Request("PUT", "/me/email", {"email": new}, ada.access_token)
        replies = await at_once(house.service, [confirm, again, ada.login_request(), refreshing(ada.refresh_token)] * 4)
        seen.update(reply.told for reply in replies)
        assert [reply.status for reply in replies[::4]].count(204) == 1
        ada.email = new
        await ada.sign_in()
    undo = Request("POST", "/email/undo", {"token": await undo_token(house, old)})
    change = {"current_password": PASSWORD, "new_password": "an altogether different phrase"}
    password = Request("PUT", "/me/password", change, ada.access_token)
    replies = await at_once(house.service, [undo, password, ada.login_request()] * 4)
    seen.update(reply.told for reply in replies)
    measured(f"crossed: {dict(seen)}")
    assert [reply.status for reply in replies[::3]].count(204) == 1
    assert not [told for told in seen if told[0] >= 500], seen
