"""What is counted: events by name, sign-ins by outcome, how far a factor came; and never a label without end."""

from typing import Any
from uuid import uuid4

import pytest

from app.crypto.pool import HashPool
from app.events import Event
from app.messages import Channel, Delivery, Purpose
from app.problems import Overloaded
from app.senders.base import Sent
from app.senders.breaker import Breaker
from app.store.sends import Send
from app.watch import metrics
from app.watch.sms_firewall import Verdict
from tests.measures import labels_by_metric, sample
from tests.standins.clock import ManualClock
from tests.watch.texting import firewall as firewall_of

STEPS = [
    (Event.MESSAGE_SENT, {"channel": Channel.SMS, "delivery": Delivery.ACCEPTED}, "sms", "sent"),
    (Event.MESSAGE_SENT, {"channel": Channel.SMS, "delivery": Delivery.UNKNOWN}, "sms", "sent"),
    (Event.MESSAGE_SENT, {"channel": Channel.SMS, "delivery": Delivery.FAILED}, "sms", "failed"),
    (Event.DELIVERY_REPORTED, {"delivery": Delivery.DELIVERED}, "sms", "delivered"),
    (Event.DELIVERY_REPORTED, {"delivery": Delivery.UNDELIVERED}, "sms", "undelivered"),
    (Event.SIGNED_IN, {"factor": "totp"}, "totp", "verified"),
    (Event.SESSION_STEPPED_UP, {"factor": "sms"}, "sms", "verified"),
    (Event.FACTOR_CONFIRMED, {"factor": "sms"}, "sms", "verified"),
    (Event.CODE_REFUSED, {"factor": "recovery_code"}, "recovery_code", "refused"),
    (Event.FACTOR_REFUSED, {"factor": "totp"}, "totp", "refused"),
]


@pytest.mark.parametrize(("event", "facts", "factor", "step"), STEPS)
def test_an_event_says_how_far_a_factor_came(event: Event, facts: dict[str, object], factor: str, step: str) -> None:
    before = sample("gatehouse_factor_steps_total", factor=factor, step=step)
    metrics.event(event, {"user_id": uuid4(), **facts})
    assert sample("gatehouse_factor_steps_total", factor=factor, step=step) == before + 1


@pytest.mark.parametrize(
    ("event", "facts"),
    [
        (Event.DELIVERY_REPORTED, {"delivery": Delivery.SENT}),
        (Event.SIGNED_IN, {"acr": "urn:gatehouse:pwd"}),
        (Event.CODE_ASKED, {"factor": "sms"}),
        (Event.SESSION_STEPPED_UP, {"factor": None}),
    ],
)
def test_what_is_no_step_of_a_factor_is_counted_as_an_event_only(event: Event, facts: dict[str, object]) -> None:
    steps, events = _steps(), sample("gatehouse_events_total", event=event.value)
    metrics.event(event, facts)
    assert _steps() == steps
    assert sample("gatehouse_events_total", event=event.value) == events + 1


def _steps() -> float:
    return sum(one.value for one in next(iter(metrics.FACTORS.collect())).samples if one.name.endswith("_total"))


def test_a_line_that_stands_for_many_counts_as_many() -> None:
    before = sample("gatehouse_events_total", event="token.refused")
    metrics.event(Event.TOKEN_REFUSED, {"times": 7})
    assert sample("gatehouse_events_total", event="token.refused") == before + 7


def test_a_limit_is_counted_with_what_became_of_it() -> None:
    before = sample("gatehouse_limit_exceeded_total", limit="login network", mode="record_only")
    metrics.event(Event.LIMIT_EXCEEDED, {"limit": "login network", "mode": "record_only", "region": "US"})
    assert sample("gatehouse_limit_exceeded_total", limit="login network", mode="record_only") == before + 1


def test_a_refusal_is_an_outcome_of_signing_in_only_where_people_sign_in() -> None:
    before = sample("gatehouse_sign_ins_total", outcome="invalid_credentials")
    metrics.refusal("/login", "invalid_credentials")
    metrics.refusal("/me/password", "invalid_credentials")
    assert sample("gatehouse_sign_ins_total", outcome="invalid_credentials") == before + 1


def test_whatever_method_somebody_makes_up_is_one_label() -> None:
    for method in ("BREW", "brew", "\u0130"):
        metrics.request(method, "-", 405, 0.001)
    assert sample("gatehouse_http_requests_total", method="other", route="-", status="405") >= 3
    assert not sample("gatehouse_http_requests_total", method="BREW", route="-", status="405")


def test_a_block_is_one_verdict_whatever_its_place() -> None:
    before = sample("gatehouse_sms_verdicts_total", verdict="block")
    for refused_by in ("block of JM", "block of +1876"):
        metrics.sms_verdict(refused_by)
    assert sample("gatehouse_sms_verdicts_total", verdict="block") == before + 2
    sent = sample("gatehouse_sms_verdicts_total", verdict="sent")
    metrics.sms_verdict(None)
    assert sample("gatehouse_sms_verdicts_total", verdict="sent") == sent + 1


async def test_the_hashing_pool_tells_of_its_queue() -> None:
    pool = HashPool(threads=1, queue=1, workers=1, watcher=metrics.Hashing())
    counts = ("gatehouse_hashing_seconds_count", "gatehouse_hashing_wait_seconds_count")
    before, refused = [sample(name) for name in counts], sample("gatehouse_hashing_rejections_total")
    held: list[float] = []
    await pool.run(lambda: held.append(sample("gatehouse_hashing_jobs")))
    assert held[0] >= 1
    assert [sample(name) for name in counts] == [value + 1 for value in before]
    pool._room.acquire()
    pool._room.acquire()
    with pytest.raises(Overloaded):
        await pool.run(int)
    assert sample("gatehouse_hashing_rejections_total") == refused + 1
    pool.close()


def test_no_label_is_for_a_person() -> None:
    known = labels_by_metric()
    assert len(known) > 30
    words = {"event", "outcome", "factor", "step", "method", "route", "status", "le"}
    assert set().union(*known.values()) == words | {"region", "verdict", "limit", "mode", "sender", "error"}


def test_a_sender_that_is_ill_is_seen_until_it_is_well(caplog: pytest.LogCaptureFixture) -> None:
    breaker = Breaker(clock=ManualClock(), limit=2, sender="plivo of a test", told=metrics.circuit)
    seen = [sample("gatehouse_sms_circuit_open", sender="plivo of a test")]
    for ill in (True, True, False):
        breaker.note(ill=ill)
        seen.append(sample("gatehouse_sms_circuit_open", sender="plivo of a test"))
    assert seen == [0, 0, 1, 0]
    assert caplog.messages == ["sms_circuit_opened", "sms_circuit_closed"]


def test_what_was_sent_is_spent_and_what_surely_was_not_is_not() -> None:
    firewall, _ = firewall_of()
    now = ManualClock().now()
    one: dict[str, Any] = {"number_index": b"", "prefix_index": b"", "network_index": b"", "delivery": Delivery.UNKNOWN}
    send = Send(uuid4(), uuid4(), None, Purpose.CONFIRM, "JM", confirmed=False, price=65_000, created_at=now, **one)
    before = sample("gatehouse_sms_spend_millionths_total", region="JM")
    for delivery in (Delivery.ACCEPTED, Delivery.UNKNOWN, Delivery.FAILED):
        firewall.tell_sent(Verdict(send), Sent(delivery))
    assert sample("gatehouse_sms_spend_millionths_total", region="JM") == before + 130_000
