"""A073, A074: neither the time nor a byte of an answer tells whether an address is known here, or why a password failed."""

from collections.abc import AsyncIterator, Mapping

import pytest

from tests.attack.conftest import House, disable
from tests.attack.lines import Line, Reply, Request, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, newcomer, with_phone
from tests.attack.statistics_of_time import Sample, gap, likelihood, take

pytestmark = pytest.mark.attack

EACH = 60
TRIES = 3
UNLIKELY = 0.01
GAP = 0.005


@pytest.fixture
async def line(house: House) -> AsyncIterator[Line]:
    async with lines(house.service, 1) as (opened,):
        yield opened


async def differences(sorts: Mapping[str, Sample]) -> set[str]:
    """The sorts that took another time than the first one."""
    taken = await take(sorts, each=EACH)
    first, *others = taken
    found = set()
    for name in others:
        likely, apart = likelihood(taken[first], taken[name]), gap(taken[first], taken[name])
        measured(f"{first} / {name}: p = {likely:.3f}, medians {apart * 1000:.2f} ms apart")
        if likely <= UNLIKELY:
            found.add(name)
    return found


async def refuse_differences(sorts: Mapping[str, Sample]) -> None:
    """Chance, or a busy machine, may tell a sort from the others once; a leak tells the same one each time."""
    told = set(sorts)
    for _ in range(TRIES):
        told &= await differences(sorts)
        if not told:
            return
    raise AssertionError(f"can be told by time: {told}")


def test_a_leak_of_half_the_bound_would_be_found() -> None:
    """Answers spread over 20 ms; those of one sort come 2.5 ms, or 5 ms, later."""
    plain = [0.040 + 0.020 * (nth / EACH) ** 2 for nth in range(EACH)]
    assert likelihood(plain, plain) > UNLIKELY
    assert likelihood(plain, [seconds + GAP / 2 for seconds in plain]) <= UNLIKELY
    assert likelihood([seconds + GAP for seconds in plain], plain) <= UNLIKELY


def asking(line: Line, request: Request, status: int) -> Sample:
    async def ask() -> None:
        line.send(request)
        assert (await line.reply()).status == status

    return ask


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


async def test_every_refused_login_takes_the_same_time(house: House, line: Line) -> None:
    requests = await refused_logins(house)
    await refuse_differences({name: asking(line, request, 401) for name, request in requests.items()})


async def test_every_refused_login_has_the_same_bytes(house: House, line: Line) -> None:
    assert len({_bytes(await _reply(line, request)) for request in (await refused_logins(house)).values()}) == 1


async def test_registering_a_known_address_takes_the_same_time_as_a_new_one(house: House, line: Line) -> None:
    ada = await newcomer(house.service)

    async def known() -> None:
        await asking(line, registering(ada.email), 202)()

    async def new() -> None:
        await asking(line, registering(Person(house.service).email), 202)()

    await refuse_differences({"known": known, "new": new})


async def test_registering_a_known_address_has_the_same_bytes(house: House, line: Line) -> None:
    ada = await newcomer(house.service)
    known = await _reply(line, registering(ada.email))
    new = await _reply(line, registering(Person(house.service).email))
    assert known.body["registration_id"] != new.body["registration_id"]
    assert len({_bytes(reply).replace(reply.body["registration_id"].encode(), b"") for reply in (known, new)}) == 1


async def test_an_unknown_registration_is_answered_as_a_known_one(house: House, line: Line) -> None:
    pending = Person(house.service)
    await pending.register()
    await pending.mailed_code()
    ids = (pending.registration_id, "01234567-89ab-7def-8123-456789abcdef")
    code = "000001" if await pending.mailed_code() == "000000" else "000000"
    for path, more, status in (("/verify-email", {"code": code}, 400), ("/verify-email/resend", {}, 202)):
        replies = [await line.ask("POST", path, {"registration_id": each, **more}) for each in ids]
        assert {reply.status for reply in replies} == {status}
        left, right = (_bytes(reply).replace(each.encode(), b"") for each, reply in zip(ids, replies, strict=True))
        assert left == right


async def _reply(line: Line, request: Request) -> Reply:
    line.send(request)
    return await line.reply()


def registering(email: str) -> Request:
    return Request("POST", "/register", {"email": email, "password": PASSWORD})


def _bytes(reply: Reply) -> bytes:
    """Everything but the clock and the number of the request."""
    headers = sorted((name, value) for name, value in reply.headers.items() if name not in {"date", "x-request-id"})
    return repr((reply.status, headers)).encode() + reply.content
