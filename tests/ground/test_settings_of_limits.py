"""Whether a limit refuses is a setting, and so is every number of it; networks are only watched in development."""

import re
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from app.cli.environment import try_settings
from app.factors import KINDS
from app.settings import Settings
from app.tools import Tools
from app.watch import logs
from tests.ground.conftest import SECRET, Environment
from tests.standins.clock import ManualClock
from tests.world import own_logging


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


LIMITS = {
    f"{group.upper()}__{name.upper()}": str(field.default)
    for group, settings in Settings.model_fields.items()
    for name, field in getattr(settings.annotation, "model_fields", {}).items()
    if re.match("[0-9]+/", str(field.default))
}


def test_there_are_limits_and_a_conversion() -> None:
    assert {"LIMITS__LOGIN_FAILURES", "SMS_LIMITS__CONVERSION", "REGISTRATION__MAILS"} <= set(LIMITS)


@pytest.mark.parametrize("name", [*LIMITS, "SMS__BUDGET"])
@pytest.mark.parametrize("value", ["100", "", "0/hour", "5/minute;5/1minute;", SECRET])
def test_a_malformed_limit_is_named_and_not_repeated_when_settings_are_read(
    environment: Environment, name: str, value: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        environment.development(**{name: value})
    kind = "conversion" if name == "SMS_LIMITS__CONVERSION" else "limit"
    (told,) = try_settings()[1]
    assert told.startswith(f"GATEHOUSE_{name}: A {kind} is written like ")
    assert SECRET not in f"{told} {refusal.value}"


def test_malformed_limits_are_told_beside_every_other_fault(environment: Environment) -> None:
    with pytest.raises(ValidationError):
        environment.development(LIMITS__LOGIN_FAILURES="100", SMS_LIMITS__USER="often", WORKERS="0")
    named = [told.partition(":")[0] for told in try_settings()[1]]
    assert named == ["GATEHOUSE_WORKERS", "GATEHOUSE_LIMITS__LOGIN_FAILURES", "GATEHOUSE_SMS_LIMITS__USER"]


def test_delays_are_written_as_durations(environment: Environment) -> None:
    delays = environment.development(LIMITS__LOGIN_DELAYS="2,PT1M").limits.login_delays
    assert delays == (timedelta(seconds=2), timedelta(minutes=1))


@pytest.mark.parametrize(
    ("prices", "fault"),
    [
        (None, "stops nothing without GATEHOUSE_SMS__PRICES"),
        ("{}", "stops nothing without GATEHOUSE_SMS__PRICES"),
        ('{"US": 0.008}', "GATEHOUSE_SMS__PRICES lacks DE"),
        ('{"JM": 0.25}', "GATEHOUSE_SMS__PRICES lacks DE, US"),
    ],
)
def test_a_budget_that_would_stop_nothing_stops_the_start(
    environment: Environment, prices: str | None, fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        environment.production(SMS__BUDGET="50/hour", SMS__PRICES=prices)


@pytest.mark.parametrize("prices", ['{"*": 0.1}', '{"US": 0.008, "*": 0}', '{"US": 0.008, "DE": 0.1}'])
def test_a_budget_and_a_price_for_every_region_are_taken(environment: Environment, prices: str) -> None:
    assert environment.production(SMS__BUDGET="50/hour", SMS__PRICES=prices).sms.budget == "50/hour"


def test_where_every_region_is_served_a_budget_needs_a_price_for_the_rest(environment: Environment) -> None:
    with pytest.raises(ValidationError, match=r"GATEHOUSE_SMS__PRICES lacks \*"):
        environment.development(SMS__BUDGET="50/hour", SMS__PRICES='{"US": 0.008}')


@pytest.mark.parametrize("budget", [None, "50/hour"])
def test_production_that_sends_sms_without_a_budget_is_told_so(
    environment: Environment, tmp_path: Path, budget: str | None
) -> None:
    settings = environment.production(SMS__BUDGET=budget, SMS__PRICES='{"*": 0.1}', DATA_DIR=str(tmp_path))
    with own_logging():
        logs.configure(settings.logs, json=True, stream=StringIO())
        with capture_logs() as lines:
            Tools(settings, ManualClock(), KINDS)
    assert [line["event"] for line in lines] == (["sms.without_budget"] if budget is None else [])
