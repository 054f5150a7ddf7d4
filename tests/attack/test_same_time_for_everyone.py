"""A073, A074: neither the time nor a byte of an answer tells why a sign-in failed, or whether there is such an account."""

from collections.abc import AsyncIterator

import pytest

from tests.attack.conftest import House, disable
from tests.attack.lines import Line, Request, asking, lines
from tests.attack.people import Person, newcomer, with_phone
from tests.attack.statistics_of_time import GAP, UNLIKELY, likelihood, refuse_differences

pytestmark = pytest.mark.attack

EACH = 80


@pytest.fixture
async def line(house: House) -> AsyncIterator[Line]:
    async with lines(house.service, 1) as (opened,):
        yield opened


def test_a_leak_of_half_the_bound_would_be_found() -> None:
    """Answers spread over 20 ms; those of one sort come 2.5 ms, or 5 ms, later."""
    plain = [0.040 + 0.020 * (nth / EACH) ** 2 for nth in range(EACH)]
    assert likelihood(plain, plain) > UNLIKELY
    assert likelihood(plain, [seconds + GAP / 2 for seconds in plain]) <= UNLIKELY
    assert likelihood([seconds + GAP for seconds in plain], plain) <= UNLIKELY


async def refused_logins(house: House) -> dict[str, Request]:
    """Everybody who may not come in, each for another reason."""
    nobody, unverified = Person(house.service), Person(house.service)
    ada, bob, disabled = await newcomer(house.service), await with_phone(house.service), await with_phone(house.service)
    await disable(house.sql, await disabled.id())
    await unverified.register()
    await unverified.mailed_code()
    wrong = "not the right one at all"
    return {
        "unknown": nobody.login_request(wrong),
        "wrong password": ada.login_request(wrong),
        "wrong password beside a phone": bob.login_request(wrong),
        "disabled, right password": disabled.login_request(),
        "unverified, right password": unverified.login_request(),
    }


async def test_a073_every_refused_login_takes_the_same_time(house: House, line: Line) -> None:
    requests = await refused_logins(house)
    await refuse_differences({name: asking(line, request, 401) for name, request in requests.items()}, each=EACH)


async def test_a074_every_refused_login_has_the_same_bytes(house: House, line: Line) -> None:
    assert len({(await line.answer(request)).seen() for request in (await refused_logins(house)).values()}) == 1
