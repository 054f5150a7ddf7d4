"""A range API of breached passwords: it learns five digits of a SHA-1; whatever it does, the answer is soon and of few bytes."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from app.crypto.passwords import breach_key
from app.senders.base import BreachesUnavailable
from app.senders.breaches import RangeApi
from tests.standins.breaches import (
    PADDING,
    Behaviour,
    BreachesStandIn,
    drip,
    endless,
    listing,
    reset,
    status,
)
from tests.standins.http import hang, redirect

LEAKED, FRESH = "a phrase that everybody has seen", "a phrase that nobody has seen"


@pytest.fixture
def breaches() -> Iterator[BreachesStandIn]:
    with BreachesStandIn() as stand_in:
        stand_in.leak(LEAKED, times=12)
        yield stand_in


@pytest.fixture
async def api(breaches: BreachesStandIn) -> AsyncIterator[RangeApi]:
    made = RangeApi(breaches.url + "/", wait=timedelta(seconds=0.5))
    yield made
    await made.close()


def test_the_key_is_the_sha_1_of_the_normalised_password_in_two_parts() -> None:
    """FIPS 180-4's "abc", and the accent of either spelling."""
    assert breach_key("abc") == ("A9993", "E364706816ABA3E25717850C26C9CD0D89D")
    assert breach_key("e\u0301") == breach_key("\u00e9")


async def test_what_leaked_is_known_and_what_did_not_is_not(api: RangeApi) -> None:
    assert await api.include(*breach_key(LEAKED))
    assert not await api.include(*breach_key(FRESH))


async def test_five_digits_are_told_and_padding_is_asked_for(api: RangeApi, breaches: BreachesStandIn) -> None:
    prefix, suffix = breach_key(LEAKED)
    await api.include(prefix, suffix)
    ((path, headers),) = breaches.requests
    assert path == f"/range/{prefix}"
    assert headers["add-padding"] == "true"
    assert headers["accept-encoding"] == "identity"
    assert set(headers) == {"host", "accept", "connection", "user-agent", "add-padding", "accept-encoding"}
    told = path + str(headers)
    assert suffix not in told
    assert LEAKED not in told


async def test_a_line_that_only_pads_is_no_leak(api: RangeApi, breaches: BreachesStandIn) -> None:
    breaches.leak(FRESH, times=0)
    assert not await api.include(*breach_key(FRESH))
    breaches.leak(FRESH, times=1)
    assert await api.include(*breach_key(FRESH))


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
async def test_lower_case_and_either_line_ending_are_read(
    api: RangeApi, breaches: BreachesStandIn, ending: bytes
) -> None:
    prefix, suffix = breach_key(LEAKED)
    lines = [b"0" * 35 + b":7", suffix.lower().encode() + b":3"]
    breaches.always(listing(ending.join(lines)))
    assert await api.include(prefix, suffix)
    breaches.always(listing(b""))
    assert not await api.include(prefix, suffix)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (status(500), "status 500"),
        (status(429), "status 429"),
        (status(404), "status 404"),
        (status(204), "status 204"),
        (redirect("/range/other"), "status 307"),
        (hang, "timeout"),
        (drip, "timeout"),
        (reset, "RemoteProtocolError"),
        (endless, "too long"),
        (listing(b"<!doctype html><title>Sign in to the hotel's network</title>"), "not a listing"),
        (listing(b'{"error": "no such route"}'), "not a listing"),
        (listing(PADDING.encode() + b"\xff\xfe"), "not a listing"),
        (listing(b"0" * 35 + b":"), "not a listing"),
        (listing(b"0" * 35 + b":1" * 2), "not a listing"),
        (listing(b"0" * 35 + b":-1"), "not a listing"),
        (listing(b"0" * 35 + b":" + b"9" * 5000), "not a listing"),
        (listing(b"\x1f\x8b\x08\x00", Content_Encoding="gzip"), "not a listing"),
    ],
)
async def test_a175_anything_else_is_no_answer_and_comes_soon(
    api: RangeApi, breaches: BreachesStandIn, behaviour: Behaviour, reason: str
) -> None:
    breaches.always(behaviour)
    began = time.monotonic()
    with pytest.raises(BreachesUnavailable) as failure:
        await api.include(*breach_key(LEAKED))
    assert failure.value.reason == reason
    assert time.monotonic() - began < 1.5
    assert len(breaches.requests) == 1, "a redirect is not followed, and nothing is tried again"


async def test_a175_no_more_than_a_bounded_answer_is_read(api: RangeApi, breaches: BreachesStandIn) -> None:
    breaches.always(endless)
    with pytest.raises(BreachesUnavailable):
        await api.include(*breach_key(LEAKED))
    await asyncio.sleep(0.1)
    taken = breaches.sent
    assert taken < 16 * 1024 * 1024, "what the two sockets hold, beyond the half megabyte that is read"
    await asyncio.sleep(0.2)
    assert breaches.sent == taken


async def test_nobody_there_is_no_answer() -> None:
    with BreachesStandIn() as gone:
        url = gone.url
    api = RangeApi(url, wait=timedelta(seconds=0.5))
    with pytest.raises(BreachesUnavailable, match="ConnectError"):
        await api.include(*breach_key(LEAKED))
    await api.close()


async def test_after_an_ill_answer_the_next_one_is_read(api: RangeApi, breaches: BreachesStandIn) -> None:
    for behaviour in (endless, drip, reset):
        breaches.always(behaviour)
        with pytest.raises(BreachesUnavailable):
            await api.include(*breach_key(LEAKED))
    breaches.always(lambda exchange: exchange.answer(200, exchange.listed()))
    assert await api.include(*breach_key(LEAKED))


async def test_many_at_once_are_answered(breaches: BreachesStandIn) -> None:
    api = RangeApi(breaches.url, wait=timedelta(seconds=10))
    found = await asyncio.gather(*(api.include(*breach_key(LEAKED if n % 2 else FRESH)) for n in range(40)))
    assert found == [bool(n % 2) for n in range(40)]
    await api.close()
