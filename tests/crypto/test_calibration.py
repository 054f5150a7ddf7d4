"""What a password may cost: memory first, never under the floor, never above what the service would compute."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.crypto import calibration
from app.crypto.calibration import Cost
from app.settings.people import MOST_MEMORY_KIB, MOST_MEMORY_PASSES


@pytest.mark.parametrize(
    ("measured", "wanted", "scaled"),
    [
        (Cost(19_456, 2, 0.025), 0.025, (19_456, 2)),
        (Cost(19_456, 2, 0.025), 0.001, (19_456, 2)),
        (Cost(19_456, 2, 0.020), 0.100, (97_280, 2)),
        (Cost(19_456, 2, 0.010), 0.200, (262_144, 2)),
        (Cost(262_144, 2, 0.100), 0.250, (262_144, 4)),
        (Cost(262_144, 4, 0.050), 9.000, (262_144, 4)),
    ],
)
def test_memory_grows_before_passes_do(measured: Cost, wanted: float, scaled: tuple[int, int]) -> None:
    memory_kib, passes = calibration._scaled(measured, wanted)
    assert (memory_kib, passes) == scaled
    assert memory_kib <= MOST_MEMORY_KIB
    assert memory_kib * passes <= MOST_MEMORY_PASSES


def test_a_machine_that_is_too_slow_gets_the_floor_and_no_less() -> None:
    cost = calibration.calibrate(timedelta(milliseconds=1))
    assert (cost.memory_kib, cost.passes) == (calibration.FLOOR_KIB, calibration.FLOOR_PASSES)
    assert cost.seconds > 0


def test_more_time_is_spent_on_memory() -> None:
    floor = calibration.measure(calibration.FLOOR_KIB, calibration.FLOOR_PASSES)
    cost = calibration.calibrate(timedelta(seconds=floor.seconds * 4))
    assert cost.memory_kib > calibration.FLOOR_KIB


def test_what_is_verified_a_second_is_counted_on_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thread has a clock here that a verification takes to its next tenth of a second, however busy the machine is."""
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=_Ticking(0.1)))
    cost = Cost(calibration.FLOOR_KIB, calibration.FLOOR_PASSES, 0.1)
    assert calibration.verifications(cost, threads=1, seconds=0.5) == pytest.approx(10)
    assert calibration.verifications(cost, threads=3, seconds=0.5) == pytest.approx(30)
    assert calibration.verifications(cost, threads=1, seconds=0.0) == pytest.approx(10)  # one at least


class _Ticking(threading.local):
    def __init__(self, step: float) -> None:
        self._step, self._now = step, 0.0

    def __call__(self) -> float:
        self._now += self._step
        return self._now
