"""Refused tokens are told in one line a second at most, with how many there were, and are refused all the same."""

from datetime import timedelta

import pytest

from app.clock import Clock
from app.problems import DatabaseUnavailable, InvalidToken, MissingToken, Problem
from app.watch.refusals import Refusals
from tests.ring import hearing
from tests.standins.clock import ManualClock


def refuse(refusals: Refusals, problem: Problem) -> None:
    with pytest.raises(type(problem)), refusals:
        raise problem


def told(refusals: Refusals, *pauses: float, clock: ManualClock, problem: Problem | None = None) -> list[str]:
    """How many were told of in each line, when a token is refused after each of *pauses*."""
    with hearing() as lines:
        for pause in pauses:
            clock.forward(timedelta(seconds=pause))
            refuse(refusals, problem or InvalidToken())
    return [line["times"] for line in lines if line["event"] == "token.refused"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_the_first_is_told_at_once(clock: ManualClock) -> None:
    assert told(Refusals(clock), 0, clock=clock) == ["1"]


def test_a_flood_is_one_line_a_second_and_none_is_forgotten(clock: ManualClock) -> None:
    refusals = Refusals(clock)
    assert told(refusals, *[0.25] * 15, clock=clock) == ["1", "4", "4", "4"]
    assert told(refusals, 60, 60, clock=clock) == ["3", "1"]


@pytest.mark.parametrize("problem", [MissingToken(), DatabaseUnavailable()], ids=lambda problem: problem.code)
def test_what_is_no_bad_token_is_not_told(clock: ManualClock, problem: Problem) -> None:
    assert told(Refusals(clock), 0, 2, clock=clock, problem=problem) == []


def test_a_good_token_is_none_of_its_business(clock: Clock) -> None:
    with hearing() as lines, Refusals(clock):
        pass
    assert lines == []
