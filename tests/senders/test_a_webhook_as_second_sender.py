"""A webhook of the operator's as second sender: signed, once, within a deadline, and never taken at more than its word."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from app.messages import Delivery
from app.senders.relay import Relay
from app.senders.webhook import WebhookSender
from tests.senders.conftest import MakeSender, reasons, sms, sms_settings
from tests.standins.certificate import certificate, server_context
from tests.standins.clock import ManualClock
from tests.standins.http import hang, redirect
from tests.standins.plivo import Behaviour, PlivoStandIn, drip, late, raw, reset, status, truncated

KEY = b"thirty-two bytes of a test's key"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
MakeWebhook = Callable[..., WebhookSender]


@pytest.fixture
async def webhook(plivo: PlivoStandIn, clock: ManualClock) -> AsyncIterator[MakeWebhook]:
    """Makes senders to the stand-in, which takes any POST of JSON."""
    async with AsyncExitStack() as stack:

        def make(url: str = "", **changes: Any) -> WebhookSender:
            target = {"fallback_webhook_url": url or f"{plivo.url}/sms", "fallback_webhook_secret": SecretStr(SECRET)}
            sender = WebhookSender(sms_settings(**target | changes), clock=clock)
            stack.push_async_callback(sender.close)
            return sender

        yield make


async def test_what_the_webhook_is_told(plivo: PlivoStandIn, webhook: MakeWebhook, clock: ManualClock) -> None:
    plivo.always(raw(b'{"id": "theirs-1"}', code=200))
    sent = await webhook().send(sms(region="DE", text="481516 ist Ihr Code für Gatehouse"))
    assert (sent.delivery, sent.sender, sent.provider_id) == (Delivery.ACCEPTED, "webhook", "theirs-1")
    (told,) = plivo.requests
    assert told.body == {
        "type": "sms.send",
        "data": {
            "to": "+4915112345678",
            "text": "481516 ist Ihr Code für Gatehouse",
            "region": "DE",
            "purpose": "sign_in",
            "expires_in": 300,
        },
    }
    assert told.headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
    assert told.headers["content-type"] == "application/json"


async def test_every_message_is_signed_over_its_id_its_time_and_its_body(
    plivo: PlivoStandIn, webhook: MakeWebhook
) -> None:
    """Standard Webhooks: HMAC-SHA-256 over `id.timestamp.body`."""
    sender = webhook()
    await sender.send(sms())
    await sender.send(sms())
    for told in plivo.requests:
        text = f"{told.headers['webhook-id']}.{told.headers['webhook-timestamp']}.".encode() + told.raw
        expected = base64.b64encode(hmac.new(KEY, text, hashlib.sha256).digest()).decode()
        assert told.headers["webhook-signature"] == f"v1,{expected}"
    assert len({told.headers["webhook-id"] for told in plivo.requests}) == 2


@pytest.mark.parametrize(
    ("behaviour", "delivery", "turned_away"),
    [
        pytest.param(raw(b"", code=200), Delivery.ACCEPTED, False, id="200 without a word"),
        pytest.param(raw(b"no json", code=204), Delivery.ACCEPTED, False, id="204"),
        pytest.param(raw(b'{"id": ["x"]}', code=201), Delivery.ACCEPTED, False, id="201 with an odd id"),
        pytest.param(raw(b'{"id": "' + b"x" * 65 + b'"}', code=202), Delivery.ACCEPTED, False, id="a long id"),
        pytest.param(raw(b" " * 100_000, code=200), Delivery.ACCEPTED, False, id="a long answer"),
        pytest.param(truncated, Delivery.ACCEPTED, False, id="cut off after 202"),
        pytest.param(status(400), Delivery.FAILED, False, id="400"),
        pytest.param(status(422), Delivery.FAILED, False, id="422"),
        pytest.param(status(401), Delivery.FAILED, True, id="401"),
        pytest.param(status(429), Delivery.FAILED, True, id="429"),
        pytest.param(status(500), Delivery.UNKNOWN, False, id="500"),
        pytest.param(status(503), Delivery.UNKNOWN, False, id="503"),
        pytest.param(redirect("http://127.0.0.1:1/"), Delivery.UNKNOWN, False, id="redirect"),
        pytest.param(reset, Delivery.UNKNOWN, False, id="reset"),
        pytest.param(hang, Delivery.UNKNOWN, False, id="hangs"),
        pytest.param(drip(), Delivery.ACCEPTED, False, id="drips after 202"),
    ],
)
async def test_a166_every_outcome_is_told_apart_and_nothing_is_sent_twice(
    plivo: PlivoStandIn, webhook: MakeWebhook, behaviour: Behaviour, delivery: Delivery, turned_away: bool
) -> None:
    plivo.always(behaviour)
    sent = await webhook(deadline=timedelta(seconds=0.4)).send(sms())
    assert (sent.delivery, sent.turned_away) == (delivery, turned_away)
    assert len(plivo.requests) == 1


async def test_where_nobody_listens_or_the_certificate_is_not_trusted_nothing_is_sent(
    webhook: MakeWebhook, tmp_path: Any
) -> None:
    with PlivoStandIn() as gone:
        address = gone.url
    sent = await webhook(address).send(sms())
    assert (sent.delivery, sent.turned_away) == (Delivery.FAILED, True)
    pem = tmp_path / "server.pem"
    pem.write_bytes(certificate())
    with PlivoStandIn(tls=server_context(pem)) as impostor:
        assert (await webhook(impostor.url).send(sms())).delivery is Delivery.FAILED
        assert impostor.requests == []


async def test_its_circuit_opens_too(
    plivo: PlivoStandIn, webhook: MakeWebhook, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    plivo.always(status(500))
    sender = webhook()
    for _ in range(7):
        await sender.send(sms())
    assert len(plivo.requests) == 5
    assert reasons(caplog) == ["http_500"] * 5 + ["circuit_open"] * 2
    plivo.always(raw(b"", code=200))
    clock.forward(timedelta(seconds=30))
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED


async def test_it_takes_over_when_plivos_circuit_is_open(
    sms_sender: MakeSender, plivo: PlivoStandIn, webhook: MakeWebhook, clock: ManualClock
) -> None:
    with PlivoStandIn() as ill:
        ill.always(status(503))
        deadline = timedelta(seconds=5)
        relay = Relay(sms_sender(plivo_base_url=ill.url), webhook(), deadline=deadline, clock=clock)
        for _ in range(5):
            assert (await relay.send(sms())).delivery is Delivery.UNKNOWN
        assert plivo.requests == []
        taken_over = await relay.send(sms())
        assert (taken_over.delivery, taken_over.sender) == (Delivery.ACCEPTED, "webhook")
        assert json.loads(plivo.requests[0].raw)["data"]["text"] == "481516 is your code"


async def test_neither_number_nor_text_nor_secret_is_logged(
    plivo: PlivoStandIn, webhook: MakeWebhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    plivo.script(status(400), reset)
    sender = webhook()
    for _ in range(3):
        await sender.send(sms())
    for secret in ("4915112345678", "481516", SECRET, SECRET.removeprefix("whsec_")):
        assert secret not in caplog.text


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "no prefix at all, but long enough to be one"])
def test_what_is_no_secret_stops_the_start(secret: str, clock: ManualClock) -> None:
    target = {"fallback_webhook_url": "https://sms.example.test", "fallback_webhook_secret": SecretStr(secret)}
    with pytest.raises(ValueError, match="GATEHOUSE_SMS__FALLBACK_WEBHOOK_SECRET is not a secret") as refused:
        WebhookSender(sms_settings(**target), clock=clock)
    assert len(secret) < 10 or secret not in str(refused.value)


async def test_what_finds_no_place_with_us_says_nothing_about_the_webhook(
    plivo: PlivoStandIn, webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Forty at once opened the circuit of a webhook that was well, though slow."""
    monkeypatch.setattr("app.senders.webhook._AT_A_TIME", 1)
    sender = webhook(deadline=timedelta(seconds=1))
    plivo.script(late(0.8))
    crowd = await asyncio.gather(*(sender.send(sms()) for _ in range(8)))
    assert sorted(sent.delivery for sent in crowd) == [Delivery.ACCEPTED, *[Delivery.FAILED] * 7]
    assert reasons(caplog).count("too_many_waiting") == 7
    assert (await sender.send(sms())).delivery is Delivery.ACCEPTED


async def test_an_answer_that_never_ends_is_an_answer(
    plivo: PlivoStandIn, webhook: MakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken is taken: five of them opened the circuit, and each was unknown to whoever waited."""
    monkeypatch.setattr("app.senders.webhook._NAME_SECONDS", 0.1)
    plivo.always(drip())
    sender = webhook(deadline=timedelta(seconds=0.4))
    assert {(await sender.send(sms())).delivery for _ in range(6)} == {Delivery.ACCEPTED}
