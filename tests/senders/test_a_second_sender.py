"""A second sender takes what the first one turned away, and nothing that may have left already (A166, A167)."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.clock import SystemClock
from app.messages import Delivery
from app.senders.plivo import PlivoSender
from app.senders.relay import Relay
from app.tools import _sms
from tests.senders.conftest import MakeSender, reasons, sms, sms_settings
from tests.standins.clock import ManualClock
from tests.standins.http import hang, redirect
from tests.standins.plivo import Behaviour, PlivoStandIn, raw, reset, status, truncated

HALF = timedelta(seconds=0.5)


@pytest.fixture
def other_plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def relay(other_plivo: PlivoStandIn, sms_sender: MakeSender, clock: ManualClock) -> AsyncIterator[Relay]:
    """Two accounts at two stand-ins, so that it can be seen who was asked."""
    second = PlivoSender(
        sms_settings(plivo_base_url=other_plivo.url, plivo_src="+12025550101"), clock=clock, name="plivo fallback"
    )
    relay = Relay(sms_sender(deadline=HALF), second, deadline=HALF, clock=clock)
    yield relay
    await relay.close()


TURNED_AWAY = [
    pytest.param(status(401), id="credentials that are good no more"),
    pytest.param(status(429), id="too many for this account"),
    pytest.param(status(429, Retry_After="30"), id="429 with Retry-After"),
]
PERHAPS_SENT = [
    pytest.param(hang, id="hangs"),
    pytest.param(reset, id="reset"),
    pytest.param(truncated, id="cut off"),
    pytest.param(status(500), id="500"),
    pytest.param(status(503), id="503"),
    pytest.param(raw(b"{broken"), id="broken 202"),
    pytest.param(raw(b""), id="empty 202"),
    pytest.param(redirect("http://127.0.0.1:1/"), id="redirect"),
]
THE_MESSAGES_FAULT = [
    pytest.param(status(400), id="not a number"),
    pytest.param(status(403), id="a country that is not served"),
]


async def test_while_the_first_is_well_the_second_is_not_asked(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn
) -> None:
    sent = await relay.send(sms())
    assert (sent.delivery, sent.sender, sent.provider_id) == (Delivery.ACCEPTED, "plivo", plivo.named[0])
    assert other_plivo.requests == []


@pytest.mark.parametrize("behaviour", TURNED_AWAY)
async def test_a166_what_was_surely_not_sent_is_sent_by_the_second_once(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn, behaviour: Behaviour
) -> None:
    plivo.always(behaviour)
    sent = await relay.send(sms(callback="https://id.example.test/webhooks/plivo/token"))
    assert (sent.delivery, sent.sender, sent.provider_id) == (
        Delivery.ACCEPTED,
        "plivo fallback",
        other_plivo.named[0],
    )
    (taken,) = other_plivo.requests
    assert (taken.body["src"], taken.body["url"]) == (
        "+12025550101",
        "https://id.example.test/webhooks/plivo/token",
    )


@pytest.mark.parametrize("behaviour", PERHAPS_SENT)
async def test_a167_what_may_have_been_sent_is_never_sent_again(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn, behaviour: Behaviour
) -> None:
    plivo.always(behaviour)
    sent = await relay.send(sms())
    assert (sent.delivery, sent.sender) == (Delivery.UNKNOWN, "plivo")
    assert (len(plivo.requests), len(other_plivo.requests)) == (1, 0)


@pytest.mark.parametrize("behaviour", THE_MESSAGES_FAULT)
async def test_a_message_that_is_at_fault_itself_is_not_carried_around(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn, behaviour: Behaviour
) -> None:
    plivo.always(behaviour)
    assert (await relay.send(sms())).delivery is Delivery.FAILED
    assert (await relay.send(sms(to="not a number"))).delivery is Delivery.FAILED
    assert other_plivo.requests == []


async def test_a166_when_the_circuit_opens_the_second_takes_over_until_the_first_is_well(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn, clock: ManualClock
) -> None:
    plivo.always(status(503))
    unsure = [(await relay.send(sms())).delivery for _ in range(5)]
    assert unsure == [Delivery.UNKNOWN] * 5
    assert other_plivo.requests == []

    taken_over = [await relay.send(sms()) for _ in range(3)]
    assert {(sent.delivery, sent.sender) for sent in taken_over} == {(Delivery.ACCEPTED, "plivo fallback")}
    assert (len(plivo.requests), len(other_plivo.requests)) == (5, 3)

    plivo.always(lambda exchange: exchange.answer(202, json.dumps({"message_uuid": ["u"]}).encode()))
    clock.forward(timedelta(seconds=30))
    assert [(await relay.send(sms())).sender for _ in range(2)] == ["plivo", "plivo"]
    assert len(other_plivo.requests) == 3


async def test_a166_retry_after_is_honoured(
    plivo: PlivoStandIn, sms_sender: MakeSender, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    plivo.script(status(429, Retry_After="20"))
    sender = sms_sender()
    await sender.send(sms())
    clock.forward(timedelta(seconds=19))
    assert (await sender.send(sms())).delivery is Delivery.FAILED
    assert len(plivo.requests) == 1
    clock.forward(timedelta(seconds=1))
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED
    assert reasons(caplog)[:2] == ["http_429", "circuit_open"]


@pytest.mark.parametrize("said", ["", "soon", "-5", "1e9", "99999999999999", "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_that_says_nothing_holds_nothing_up(
    plivo: PlivoStandIn, sms_sender: MakeSender, said: str
) -> None:
    plivo.script(status(429, Retry_After=said))
    sender = sms_sender()
    await sender.send(sms())
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED


async def test_a_provider_cannot_silence_itself_for_long(
    plivo: PlivoStandIn, sms_sender: MakeSender, clock: ManualClock
) -> None:
    plivo.script(status(503, Retry_After="86400"))
    sender = sms_sender()
    await sender.send(sms())
    clock.forward(timedelta(minutes=5))
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED


@pytest.mark.parametrize(
    ("account", "auth_id"),
    [
        ({}, "MA" + "X" * 18),
        ({"fallback_plivo_auth_id": "SA" + "Y" * 18, "fallback_plivo_auth_token": "t"}, "SA" + "Y" * 18),
    ],
    ids=["another number", "a subaccount"],
)
async def test_the_settings_name_another_number_or_another_account(
    plivo: PlivoStandIn, account: dict[str, Any], auth_id: str
) -> None:
    plivo.script(status(401))
    settings = sms_settings(plivo_base_url=plivo.url, fallback_plivo_src="+12025550101", **account)
    sender = _sms(settings, SystemClock())
    assert (await sender.send(sms())).sender == "plivo fallback"
    await sender.close()
    assert [request.body["src"] for request in plivo.requests] == ["GATEHOUSE", "+12025550101"]
    assert plivo.requests[1].path == f"/v1/Account/{auth_id}/Message/"


async def test_what_no_thread_took_in_time_is_handed_on(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """Two threads hang; the third message surely was not sent."""
    plivo.always(hang)
    ended = await asyncio.gather(*(relay.send(sms()) for _ in range(3)))
    assert sorted((sent.delivery, sent.sender) for sent in ended) == [
        (Delivery.ACCEPTED, "plivo fallback"),
        (Delivery.UNKNOWN, "plivo"),
        (Delivery.UNKNOWN, "plivo"),
    ]
    assert "no_thread_free" in reasons(caplog)
    assert len(other_plivo.requests) == 1


async def test_what_is_turned_away_late_is_not_handed_on(
    plivo: PlivoStandIn, other_plivo: PlivoStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two senders after each other must not outlive a worker that stops."""
    monkeypatch.setattr("app.senders.relay._GRACE_SECONDS", 0)

    def slow(exchange: Any) -> None:
        exchange.server.closing.wait(0.6)
        status(429)(exchange)

    plivo.always(slow)
    settings = sms_settings(plivo_base_url=plivo.url, deadline=timedelta(seconds=1))
    second = sms_settings(plivo_base_url=other_plivo.url)
    clock = SystemClock()
    relay = Relay(
        PlivoSender(settings, clock=clock), PlivoSender(second, clock=clock), deadline=settings.deadline, clock=clock
    )
    sent = await relay.send(sms())
    assert (sent.delivery, other_plivo.requests) == (Delivery.FAILED, [])
    await relay.close()


async def test_each_line_of_a_circuit_names_its_sender(
    relay: Relay, plivo: PlivoStandIn, other_plivo: PlivoStandIn, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    plivo.script(*[status(401)] * 5, status(429, Retry_After="20"))
    other_plivo.script(*[status(401)] * 5)
    for _ in range(5):
        await relay.send(sms())
    clock.forward(timedelta(seconds=30))
    await relay.send(sms())
    told = {(record.message, vars(record)["sender"]) for record in caplog.records if "circuit" in record.message}
    assert told == {
        ("sms_circuit_opened", "plivo"),
        ("sms_circuit_opened", "plivo fallback"),
        ("sms_circuit_closed", "plivo"),
        ("sms_circuit_closed", "plivo fallback"),
        ("sms_circuit_rests", "plivo"),
    }
