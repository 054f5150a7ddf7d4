"""A recovery code and a step of an authenticator app: good once, however many use it at once, on whichever worker."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.app import AuthenticatorApp
from tests.attack.conftest import House
from tests.attack.lines import Request, at_once
from tests.attack.people import PASSWORD, Person, expect, newcomer, with_phone

pytestmark = pytest.mark.attack

ONE_WINS = {(200, ""): 1, (401, "invalid_mfa_code"): 49}


def at_login(person: Person, code: str) -> Request:
    return Request("POST", "/login", {"email": person.email, "password": PASSWORD, "code": code})


async def with_codes(house: House) -> tuple[Person, list[str]]:
    """Somebody whose phone was just confirmed, and the recovery codes that came with it."""
    ada = await newcomer(house.service)
    expect(await ada.begin(), 201)
    confirmed = expect(await ada.confirm(await ada.code("confirm")), 200).json()
    return ada, confirmed["recovery_codes"]


async def test_a064_one_recovery_code_used_fifty_times_at_once_opens_one_session(house: House) -> None:
    ada, codes = await with_codes(house)
    for code in codes[:3]:
        replies = await at_once(house.service, [at_login(ada, code)] * 50)
        assert Counter(reply.told for reply in replies) == ONE_WINS


async def test_a046_one_step_of_an_app_used_fifty_times_at_once_opens_one_session(house: House) -> None:
    ada = await newcomer(house.service)
    begun = expect(await ada.call("POST", "/me/factors", {"factor": "totp"}, token=ada.access_token), 201).json()
    app = AuthenticatorApp(begun["setup"]["secret"])
    path = f"/me/factors/{begun['id']}/confirm"
    past = app.code(datetime.fromtimestamp(datetime.now(UTC).timestamp() - 30, UTC))
    expect(await ada.call("POST", path, {"code": past}, token=ada.access_token), 200)

    replies = await at_once(house.service, [at_login(ada, app.code(datetime.now(UTC)))] * 50)

    assert Counter(reply.told for reply in replies) == ONE_WINS


async def test_n05_the_budget_of_an_account_is_exact_across_thirty_sign_ins(house: House) -> None:
    """Four wrong codes in each of thirty sign-ins, all at once: as many are judged as the budget has, 100 here."""
    ada = await with_phone(house.service)
    wrong = iter(await ada.wrong_codes(120))
    guesses = []
    for _ in range(30):
        expect(await ada.login(), 200)
        guesses += [ada.guess(next(wrong)) for _ in range(4)]

    replies = await at_once(house.service, guesses)

    told = Counter(reply.told for reply in replies)
    assert told.pop((401, "invalid_mfa_code")) == 100
    # The hundredth also makes the password expire, and each sign-in ends with it.
    assert {*told} <= {(429, "mfa_locked"), (401, "invalid_token")}
    assert sum(told.values()) == 20
