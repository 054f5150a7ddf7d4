"""What Plivo is asked, and what each of its answers means."""

import base64
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from app.messages import Delivery
from tests.senders.conftest import MakeSender, sms
from tests.standins.certificate import certificate, server_context
from tests.standins.http import redirect
from tests.standins.plivo import (
    AUTH_ID,
    AUTH_TOKEN,
    Behaviour,
    PlivoStandIn,
    accepted,
    raw,
    reset,
    status,
    truncated,
)


async def test_a_message_reaches_plivo_once_with_nothing_kept_there(
    plivo: PlivoStandIn, sms_sender: MakeSender
) -> None:
    assert (await sms_sender().send(sms())).delivery is Delivery.ACCEPTED
    (request,) = plivo.requests
    assert request.path == f"/v1/Account/{AUTH_ID}/Message/"
    assert request.body["dst"] == "+4915112345678"
    assert request.body["text"] == "481516 is your code"
    assert request.body["src"] == "GATEHOUSE"
    assert request.body["type"] == "sms"
    assert request.body["log"] == "false"
    assert request.body["message_expiry"] == 300
    assert "powerpack_uuid" not in request.body
    credentials = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert credentials == f"{AUTH_ID}:{AUTH_TOKEN}"


@pytest.mark.parametrize(("lifetime", "expiry"), [(1, 5), (299.9, 299), (86_400, 10_799)])
async def test_the_expiry_stays_within_what_plivo_takes(
    plivo: PlivoStandIn, sms_sender: MakeSender, lifetime: float, expiry: int
) -> None:
    await sms_sender().send(sms(lifetime=timedelta(seconds=lifetime)))
    assert plivo.requests[0].body["message_expiry"] == expiry


ANSWERS: list[tuple[str, Behaviour, Delivery]] = [
    ("400", status(400, "'1111111' is not a valid phone number."), Delivery.FAILED),
    ("400 without JSON", raw(b"no", code=400), Delivery.FAILED),
    ("401", status(401), Delivery.FAILED),
    ("401 without JSON", raw(b"", code=401), Delivery.FAILED),
    ("403", status(403), Delivery.FAILED),
    ("404", status(404), Delivery.FAILED),
    ("409", status(409), Delivery.FAILED),
    ("422", status(422), Delivery.FAILED),
    ("429", status(429), Delivery.FAILED),
    ("500", status(500), Delivery.UNKNOWN),
    ("502", status(502), Delivery.UNKNOWN),
    ("503", status(503), Delivery.UNKNOWN),
    ("304", status(304), Delivery.UNKNOWN),
    ("203", raw(b'{"message_uuid": ["u"]}', code=203), Delivery.UNKNOWN),
    ("reset after the request", reset, Delivery.UNKNOWN),
    ("truncated body", truncated, Delivery.UNKNOWN),
    ("broken JSON", raw(b'{"message_uuid": ["u"'), Delivery.UNKNOWN),
    ("empty body", raw(b""), Delivery.UNKNOWN),
    ("a page of HTML", raw(b"<html>welcome</html>", code=200), Delivery.UNKNOWN),
    ("an empty list", raw(b"[]"), Delivery.UNKNOWN),
    ("null", raw(b"null"), Delivery.UNKNOWN),
    ("a number", raw(b"7"), Delivery.UNKNOWN),
    ("no uuid", raw(b'{"message": "async api spawned"}'), Delivery.UNKNOWN),
    ("no uuids", raw(b'{"message_uuid": []}'), Delivery.UNKNOWN),
    ("deep JSON", raw(b"[" * 100_000), Delivery.UNKNOWN),
    ("accepted", accepted, Delivery.ACCEPTED),
]


@pytest.mark.parametrize(("answer", "delivery"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_a166_every_answer_has_one_meaning_and_nothing_is_sent_twice(
    plivo: PlivoStandIn, sms_sender: MakeSender, answer: Behaviour, delivery: Delivery
) -> None:
    plivo.script(answer)
    assert (await sms_sender().send(sms())).delivery is delivery
    assert len(plivo.requests) == 1


async def test_a166_a_redirect_is_not_followed(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    with PlivoStandIn() as elsewhere:
        plivo.script(redirect(f"{elsewhere.url}/v1/Account/{AUTH_ID}/Message/"), redirect(plivo.url))
        sender = sms_sender()
        assert (await sender.send(sms())).delivery is Delivery.UNKNOWN
        assert (await sender.send(sms())).delivery is Delivery.UNKNOWN
        assert elsewhere.requests == []
    assert len(plivo.requests) == 2


async def test_where_nobody_listens_surely_nothing_was_sent(sms_sender: MakeSender) -> None:
    with PlivoStandIn() as gone:
        address = gone.url
    assert (await sms_sender(plivo_base_url=address).send(sms())).delivery is Delivery.FAILED


async def test_a_host_that_does_not_exist_means_surely_not_sent(sms_sender: MakeSender) -> None:
    assert (await sms_sender(plivo_base_url="http://no-such-host.invalid").send(sms())).delivery is Delivery.FAILED


async def test_a166_a_certificate_that_is_not_trusted_means_surely_not_sent(
    sms_sender: MakeSender, tmp_path: Path
) -> None:
    path = tmp_path / "server.pem"
    path.write_bytes(certificate())
    with PlivoStandIn(tls=server_context(path)) as impostor:
        assert (await sms_sender(plivo_base_url=impostor.url).send(sms())).delivery is Delivery.FAILED
        assert impostor.requests == []


@pytest.mark.parametrize(
    "to",
    [
        "+4915112345678<+15005550006",
        "+4915112345678\n",
        "4915112345678",
        "+0915112345678",
        "+49١٥١١٢٣٤٥٦٧٨",
        "+49 151 12345678",
        "+491511234567890123",
        "",
    ],
)
async def test_anything_but_one_plain_number_never_reaches_plivo(
    plivo: PlivoStandIn, sms_sender: MakeSender, to: str
) -> None:
    assert (await sms_sender().send(sms(to=to))).delivery is Delivery.FAILED
    assert plivo.requests == []


@pytest.mark.parametrize("answer", [row[1] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_a166_no_log_holds_a_code_a_number_or_a_token(
    plivo: PlivoStandIn, sms_sender: MakeSender, caplog: pytest.LogCaptureFixture, answer: Behaviour
) -> None:
    plivo.script(answer)
    with caplog.at_level(logging.DEBUG):
        await sms_sender().send(sms())
    told = " ".join(f"{vars(record)}" for record in caplog.records)
    assert "latency_ms" in told
    for secret in ("481516", "15112345678", AUTH_TOKEN):
        assert secret not in told


def test_a_message_shows_no_secret_when_it_is_printed() -> None:
    assert "481516" not in repr(sms())
    assert "15112345678" not in repr(sms())


async def test_a_wrong_auth_token_is_an_error_in_the_log(
    plivo: PlivoStandIn, sms_sender: MakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    plivo.script(status(401))
    await sms_sender().send(sms())
    (record,) = (record for record in caplog.records if record.name == "gatehouse.senders")
    assert (record.levelname, record.getMessage(), vars(record)["reason"]) == ("ERROR", "sms_failed", "unauthorized")
