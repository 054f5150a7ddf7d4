"""Whether a limit refuses is a setting, and so is every number of it; networks are only watched in development."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests.ground.conftest import Environment


def test_production_enforces_every_limit(environment: Environment) -> None:
    settings = environment.production()
    assert (settings.limits.login, settings.network_limits) == ("enforce", "enforce")


def test_development_only_notes_what_a_network_does(environment: Environment) -> None:
    settings = environment.development()
    assert (settings.limits.login, settings.network_limits) == ("enforce", "record_only")


@pytest.mark.parametrize("mode", ["enforce", "record_only"])
def test_either_can_be_chosen_anywhere(environment: Environment, mode: str) -> None:
    for settings in (
        environment.production(LIMITS__NETWORK=mode, LIMITS__LOGIN=mode),
        environment.development(LIMITS__NETWORK=mode, LIMITS__LOGIN=mode),
    ):
        assert (settings.limits.login, settings.network_limits) == (mode, mode)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NETWORK", "off"),
        ("LOGIN", ""),
        ("LOGIN_DELAY_AT", "1"),
        ("LOGIN_DELAYS", ""),
        ("LOGIN_DELAYS", "1,0"),
        ("LOGIN_DELAY_FORGOTTEN", "0"),
    ],
)
def test_what_cannot_be_meant_is_refused(environment: Environment, name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=rf"limits\.{name.lower()}"):
        environment.development(**{f"LIMITS__{name}": value})


def test_delays_are_written_as_durations(environment: Environment) -> None:
    delays = environment.development(LIMITS__LOGIN_DELAYS="2,PT1M").limits.login_delays
    assert delays == (timedelta(seconds=2), timedelta(minutes=1))
