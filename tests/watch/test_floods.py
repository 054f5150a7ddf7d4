"""Refused calls are counted for each network in memory; whoever floods is told to wait, and nobody else notices."""

from datetime import timedelta

import pytest

from app.events import Event
from app.problems import DatabaseUnavailable, InsufficientScope, RateLimited
from app.settings.limits import Mode
from app.watch import floods
from app.watch.floods import Floods
from tests.ring import hearing
from tests.standins.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(clock: ManualClock, mode: Mode = "enforce") -> Floods:
    return Floods(Event.RECEIPT_REFUSED, "3/minute", mode=mode, clock=clock)


def refuse(flood: Floods, network: str = "192.0.2.1", *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(InsufficientScope), flood.bounded(network):
            raise InsufficientScope


def limited(flood: Floods, network: str = "192.0.2.1") -> timedelta | None:
    """How long whoever is refused once more is told to wait."""
    with pytest.raises(RateLimited) as refused, flood.bounded(network):
        raise InsufficientScope
    return refused.value.retry_after


def test_after_so_many_refusals_whoever_is_refused_waits(clock: ManualClock) -> None:
    flood = made(clock)
    refuse(flood, times=3)
    assert [limited(flood) for _ in range(5)] == [timedelta(seconds=20)] * 5
    clock.forward(timedelta(seconds=20))
    refuse(flood)
    assert limited(flood) == timedelta(seconds=20)


def test_whoever_is_not_refused_is_not_held_up_by_others_of_the_network(clock: ManualClock) -> None:
    flood = made(clock)
    refuse(flood, times=3)
    with flood.bounded("192.0.2.1"):
        pass
    assert limited(flood) == timedelta(seconds=20)


def test_what_is_answered_well_or_cannot_be_is_not_counted(clock: ManualClock) -> None:
    flood = made(clock)
    for _ in range(10):
        with flood.bounded("192.0.2.1"):
            pass
        with pytest.raises(DatabaseUnavailable), flood.bounded("192.0.2.1"):
            raise DatabaseUnavailable
    refuse(flood, times=3)


def test_another_network_is_not_held_up(clock: ManualClock) -> None:
    flood = made(clock)
    refuse(flood, times=3)
    refuse(flood, "192.0.2.2", times=3)
    refuse(flood, "192.0.2.3")


def test_record_only_lets_everything_be_looked_at(clock: ManualClock) -> None:
    flood = made(clock, "record_only")
    refuse(flood, times=20)


@pytest.mark.parametrize("mode", ["enforce", "record_only"])
def test_a_line_a_second_tells_of_all_of_them(clock: ManualClock, mode: Mode) -> None:
    flood = made(clock, mode)
    with hearing() as lines:
        for seconds in [0, *[0.25] * 8]:
            clock.forward(timedelta(seconds=seconds))
            with pytest.raises((InsufficientScope, RateLimited)), flood.bounded("192.0.2.1"):
                raise InsufficientScope
    assert [line["times"] for line in lines if line["event"] == "receipt.refused"] == ["1", "4", "4"]


def test_only_so_many_networks_are_remembered(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floods, "_MOST", 2)
    flood = made(clock)
    for network in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        refuse(flood, network, times=3)
    for network in ("192.0.2.2", "192.0.2.3"):
        assert limited(flood, network) == timedelta(seconds=20)
    refuse(flood, "192.0.2.1")
