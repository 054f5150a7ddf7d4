"""A073, A074: neither the time nor a byte of an answer tells whether an address, or a registration, is known here.

On a database whose commits wait for the disk: what writes in one case and not in the other shows there.
"""

from collections.abc import AsyncIterator, Callable

import pytest

from tests.attack.cluster import postgres, sql
from tests.attack.conftest import House, disable
from tests.attack.lines import Line, Request, asking, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, newcomer, with_phone
from tests.attack.processes import until
from tests.attack.service import serving
from tests.attack.statistics_of_time import GAP, Sample, gap, refuse_differences, take

pytestmark = pytest.mark.attack

EACH = 200
EACH_HASH = 80
WRONG = "000000"
"""Mailed once in a million times."""
NO_ID = "01934567-89ab-7def-8123-456789abcdef"


@pytest.fixture(scope="module")
async def durable() -> AsyncIterator[House]:
    """One worker; and so many mails that none is held back, whoever it is for."""
    many = {"GATEHOUSE_PASSWORDS__RESET_MAILS": "1000000/minute"}
    async with (
        postgres(durable=True) as cluster,
        serving(workers=1, database=cluster.url, **many) as service,
        sql(cluster.url) as connection,
    ):
        yield House(service, connection)


@pytest.fixture
async def line(durable: House) -> AsyncIterator[Line]:
    async with lines(durable.service, 1) as (opened,):
        yield opened


async def waiting(house: House) -> Person:
    """Somebody whose registration waits for its code."""
    person = Person(house.service)
    await person.register()
    await person.mailed_code()
    return person


async def known_to_the_service(house: House) -> Person:
    """Somebody who has an account, registered once more: what waits is a registration that leads nowhere."""
    person = await newcomer(house.service)
    await person.register()

    async def was_told() -> bool:
        answer = await person.call("GET", f"/dev/inbox?to={person.email}")
        return any(item["purpose"] == "notice" for item in answer.json()["items"])

    await until(was_told, "a mail said that the address is known", within=5)
    return person


async def addresses(house: House) -> dict[str, str]:
    """One of every sort that somebody might want to tell apart."""
    disabled = await newcomer(house.service)
    await disable(house.sql, await disabled.id())
    return {
        "unknown": Person(house.service).email,
        "known": (await newcomer(house.service)).email,
        "known, with a phone": (await with_phone(house.service)).email,
        "waiting for its code": (await waiting(house)).email,
        "disabled": disabled.email,
    }


def registering(email: str) -> Request:
    return Request("POST", "/register", {"email": email, "password": PASSWORD})


def forgetting(email: str) -> Request:
    return Request("POST", "/password/forgot", {"email": email})


def verifying(registration_id: str, code: str) -> Request:
    return Request("POST", "/verify-email", {"registration_id": registration_id, "code": code})


def again(registration_id: str) -> Request:
    return Request("POST", "/verify-email/resend", {"registration_id": registration_id})


async def test_a073_registering_takes_the_same_time_whatever_is_known_of_the_address(
    durable: House, line: Line
) -> None:
    async def new() -> None:
        await asking(line, registering(Person(durable.service).email), 202)()

    sorts: dict[str, Sample] = {"new": new}
    sorts |= {name: asking(line, registering(email), 202) for name, email in (await addresses(durable)).items()}
    del sorts["unknown"], sorts["known, with a phone"]
    await refuse_differences(sorts, each=EACH_HASH)


async def test_a073_forgetting_a_password_takes_the_same_time_for_every_address(durable: House, line: Line) -> None:
    sorts = {name: asking(line, forgetting(email), 202) for name, email in (await addresses(durable)).items()}
    await refuse_differences(sorts, each=EACH)


async def registrations(house: House) -> dict[str, str]:
    """The ids of a registration that waits, of one whose address is known, and of none; with as many tries as are needed."""
    ids = {
        "waiting": (await waiting(house)).registration_id,
        "of a known address": (await known_to_the_service(house)).registration_id,
        "unknown": NO_ID,
    }
    await house.sql.execute("UPDATE registrations SET attempts = -10000")
    return ids


async def test_a073_a_new_code_takes_the_same_time_for_every_registration(durable: House, line: Line) -> None:
    sorts = {name: asking(line, again(each), 202) for name, each in (await registrations(durable)).items()}
    await refuse_differences(sorts, each=EACH)


async def test_a073_a_wrong_code_takes_the_same_time_whatever_is_known_of_the_address(
    durable: House, line: Line
) -> None:
    """Whoever registers somebody else's address holds such an id: its wrong code must not tell what the mailbox is told."""
    ids = await registrations(durable)
    del ids["unknown"]
    await refuse_differences({name: asking(line, verifying(each, WRONG), 400) for name, each in ids.items()}, each=EACH)


async def test_a073_a_wrong_code_of_no_registration_is_refused_about_as_soon(durable: House, line: Line) -> None:
    """Such an id has 74 random bits and is told to one caller: that it is none is no news, so the bound on the gap is enough."""
    ids = await registrations(durable)
    sorts = {name: asking(line, verifying(each, WRONG), 400) for name, each in ids.items()}
    taken = await take(sorts, each=EACH)
    apart = gap(taken["waiting"], taken["unknown"])
    measured(f"a wrong code of no registration: medians {apart * 1000:.2f} ms apart")
    assert apart < GAP


@pytest.mark.parametrize("ask", [registering, forgetting])
async def test_a074_every_address_gets_the_same_bytes(
    durable: House, line: Line, ask: Callable[[str], Request]
) -> None:
    replies = [await line.answer(ask(email)) for email in (await addresses(durable)).values()]
    assert {reply.status for reply in replies} == {202}
    assert len({reply.seen(but=reply.body.get("registration_id", "-" * 40)) for reply in replies}) == 1


async def test_a074_every_registration_gets_the_same_bytes(durable: House, line: Line) -> None:
    ids = (await registrations(durable)).values()
    wrong = [(await line.answer(verifying(each, WRONG))).seen() for each in ids]
    sent = [(await line.answer(again(each))).seen(but=each) for each in ids]
    assert (len(set(wrong)), len(set(sent))) == (1, 1)
