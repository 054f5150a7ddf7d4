"""Refusals over a limit are told together, once a minute; none is forgotten, and a flood needs no memory."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from uuid import uuid4

import pytest

from app.clock import Clock
from app.events import Event
from app.visitor import Visitor
from app.watch import aggregated, audit
from app.watch.aggregated import Aggregated
from app.watch.audit import Noted, Record, Whence
from app.watch.redaction import Published
from tests.measures import sample
from tests.ring import hearing
from tests.standins.clock import ManualClock

LIMIT = {"limit": "login network", "mode": "enforce"}


def unwanted(_: Noted) -> None:
    raise AssertionError("nothing comes late")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def alike(clock: ManualClock) -> Aggregated:
    return Aggregated(clock)


def of(address: str) -> Whence:
    visitor = Visitor(ip_address(address), "curl/8")
    return Whence("a-request", lambda: visitor)


def record(alike: Aggregated, clock: Clock, whence: Whence) -> Record:
    return Record(clock, whence, unwanted, alike.take)


def refuse(alike: Aggregated, clock: Clock, address: str = "192.0.2.1", *, times: int = 1, **facts: object) -> None:
    with record(alike, clock, of(address)):
        for _ in range(times):
            audit.note(Event.LIMIT_EXCEEDED, **(facts or LIMIT))


def told(alike: Aggregated, *, all_: bool = False) -> list[tuple[str, str]]:
    """The network and the number of each that is told."""
    found = [(whence.visitor, facts) for _, facts, whence in alike.due(all_=all_)]
    return [(visitor().network if visitor else "", str(facts["times"])) for visitor, facts in found]


def test_those_that_are_alike_are_one_event_when_a_minute_is_over(alike: Aggregated, clock: ManualClock) -> None:
    began = clock.now()
    with hearing() as lines:
        refuse(alike, clock, times=500)
        clock.forward(timedelta(seconds=59))
        refuse(alike, clock, times=500)
        assert told(alike) == []
        clock.forward(timedelta(seconds=1))
        ((event, facts, whence),) = alike.due()
    assert event is Event.LIMIT_EXCEEDED
    assert facts == {**LIMIT, "times": Published("1000"), "since": began.isoformat(timespec="seconds")}
    assert whence.request_id is None
    assert whence.visitor
    assert whence.visitor() == Visitor(ip_address("192.0.2.1"), "curl/8")
    assert lines == []
    assert told(alike, all_=True) == []


def test_another_network_limit_mode_or_user_is_another_event(alike: Aggregated, clock: ManualClock) -> None:
    refuse(alike, clock, times=2)
    refuse(alike, clock, "192.0.2.2", times=3)
    refuse(alike, clock, limit="login network", mode="record_only")
    refuse(alike, clock, limit="sms country", mode="enforce", region="US", user_id=uuid4())
    refuse(alike, clock, limit="sms country", mode="enforce", region="US", user_id=uuid4())
    assert sorted(told(alike, all_=True)) == [
        ("192.0.2.1", "1"),
        ("192.0.2.1", "1"),
        ("192.0.2.1", "1"),
        ("192.0.2.1", "2"),
        ("192.0.2.2", "3"),
    ]


def test_the_next_minute_is_counted_anew(alike: Aggregated, clock: ManualClock) -> None:
    for times in (3, 4):
        refuse(alike, clock, times=times)
        clock.forward(timedelta(minutes=1))
        assert told(alike) == [("192.0.2.1", str(times))]


def test_everything_else_is_told_at_once(alike: Aggregated, clock: ManualClock) -> None:
    with record(alike, clock, of("192.0.2.1")) as noting:
        with hearing() as lines:
            audit.note(Event.PASSWORD_REFUSED)
        assert [noted.event for noted in noting.close()] == [Event.PASSWORD_REFUSED]
    assert [line["event"] for line in lines] == ["password.refused"]


def test_metrics_count_each_at_once_and_none_twice(alike: Aggregated, clock: ManualClock) -> None:
    def counted() -> float:
        return sample("gatehouse_limit_exceeded_total", **LIMIT)

    before = counted()
    refuse(alike, clock, times=7)
    assert counted() == before + 7
    assert told(alike, all_=True) == [("192.0.2.1", "7")]
    assert counted() == before + 7


@pytest.mark.parametrize("facts", [lambda _: LIMIT, lambda nth: {**LIMIT, "user_id": uuid4(), "region": nth % 2}])
def test_a_flood_from_everywhere_is_bounded_and_every_one_of_it_counted(
    alike: Aggregated, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, facts: Callable[[int], dict[str, object]]
) -> None:
    monkeypatch.setattr(aggregated, "_MOST", 10)
    for nth in range(1000):
        with record(alike, clock, of(str(ip_address("198.51.100.0") + nth))):
            audit.note(Event.LIMIT_EXCEEDED, **facts(nth))
    found = told(alike, all_=True)
    assert 10 < len(found) <= 12
    assert sum(int(times) for _, times in found) == 1000
    assert {times for network, times in found if network} == {"1"}
