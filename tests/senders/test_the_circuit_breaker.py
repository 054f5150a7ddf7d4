"""While Plivo is ill nobody waits for it; one probe at a time finds out when it is well."""

import asyncio
from datetime import timedelta

import pytest

from app.messages import Delivery
from tests.senders.conftest import MakeSender, reasons, sms
from tests.standins.clock import ManualClock
from tests.standins.http import hang
from tests.standins.plivo import Behaviour, PlivoStandIn, accepted, late, raw, reset, status


@pytest.mark.parametrize("ill", [status(500), status(503), status(401), reset], ids=["500", "503", "401", "reset"])
async def test_a166_the_circuit_opens_after_five_failures_in_a_row_and_a_probe_closes_it(
    plivo: PlivoStandIn, sms_sender: MakeSender, clock: ManualClock, ill: Behaviour
) -> None:
    plivo.always(ill)
    sender = sms_sender()
    for _ in range(5):
        await sender.send(sms())
    assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert len(plivo.requests) == 5

    clock.forward(timedelta(seconds=30))
    await sender.send(sms())
    assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert len(plivo.requests) == 6

    plivo.always(accepted)
    clock.forward(timedelta(seconds=30))
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED


async def test_only_one_probe_goes_out_at_a_time(
    plivo: PlivoStandIn, sms_sender: MakeSender, clock: ManualClock
) -> None:
    plivo.always(status(503))
    sender = sms_sender()
    for _ in range(5):
        await sender.send(sms())
    clock.forward(timedelta(seconds=30))
    plivo.always(late(0.1))
    outcomes = await asyncio.gather(*(sender.send(sms()) for _ in range(2)))
    assert [sent.delivery for sent in outcomes] == [Delivery.ACCEPTED, Delivery.FAILED]


async def test_timeouts_open_the_circuit(
    plivo: PlivoStandIn, sms_sender: MakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    plivo.always(hang)
    sender = sms_sender(deadline=timedelta(seconds=0.1), threads=8)
    await asyncio.gather(*(sender.send(sms()) for _ in range(5)))
    assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert reasons(caplog) == ["deadline"] * 5 + ["circuit_open"]
    assert len(plivo.requests) == 5


async def test_where_nobody_listens_the_circuit_opens_too(
    sms_sender: MakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    with PlivoStandIn() as gone:
        address = gone.url
    sender = sms_sender(plivo_base_url=address)
    for _ in range(6):
        assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert reasons(caplog) == ["not_connected"] * 5 + ["circuit_open"]


@pytest.mark.parametrize("answer", [status(400), status(403), status(429), raw(b"")], ids=["400", "403", "429", "202"])
async def test_messages_that_are_refused_do_not_open_the_circuit(
    plivo: PlivoStandIn, sms_sender: MakeSender, answer: Behaviour
) -> None:
    plivo.always(answer)
    sender = sms_sender()
    for _ in range(12):
        await sender.send(sms())
    assert len(plivo.requests) == 12


async def test_failures_that_are_not_in_a_row_do_not_open_the_circuit(
    plivo: PlivoStandIn, sms_sender: MakeSender
) -> None:
    sender = sms_sender()
    for _ in range(3):
        plivo.script(*[status(500)] * 4, accepted)
        for _ in range(5):
            await sender.send(sms())
    assert len(plivo.requests) == 15
