"""Test numbers are written as JSON; in production each has an end, and not a far one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.factors import KINDS
from app.settings.fixed_codes import fixed_code, refuse_lasting
from app.tools import Tools
from tests.ground.conftest import PRODUCTION, Environment
from tests.standins.clock import ManualClock

NUMBER, CODE = "+12025550199", "428913"
UNTIL = "2031-01-31T00:00:00Z"
ENTRY: dict[str, Any] = {"number": NUMBER, "code": CODE, "until": UNTIL}


def written(*entries: dict[str, Any]) -> str:
    return json.dumps(list(entries))


def test_they_are_read_as_they_are_written(environment: Environment) -> None:
    (read,) = environment.production(SMS__TEST_NUMBERS=written(ENTRY)).sms.test_numbers
    assert (read.number, read.code, read.until) == (NUMBER, SecretStr(CODE), datetime(2031, 1, 31, tzinfo=UTC))
    assert CODE not in repr(read)


def test_there_are_none_unless_they_are_named(environment: Environment) -> None:
    assert environment.production().sms.test_numbers == ()


def test_development_needs_no_end(environment: Environment) -> None:
    (read,) = environment.development(SMS__TEST_NUMBERS=written({"number": NUMBER, "code": CODE})).sms.test_numbers
    assert fixed_code([read], NUMBER, at=datetime.max.replace(tzinfo=UTC)) == read


@pytest.mark.parametrize("until", [{}, {"until": None}], ids=["unset", "null"])
def test_production_refuses_one_without_an_end(environment: Environment, until: dict[str, None]) -> None:
    entries = written(ENTRY, {"number": "+12025550198", "code": CODE, **until})
    with pytest.raises(
        ValidationError, match="GATEHOUSE_SMS__TEST_NUMBERS: in production each needs an end"
    ) as refusal:
        environment.production(SMS__TEST_NUMBERS=entries)
    assert CODE not in str(refusal.value)


def test_one_number_has_one_code(environment: Environment) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_SMS__TEST_NUMBERS: each number stands there once"):
        environment.development(SMS__TEST_NUMBERS=written(ENTRY, ENTRY | {"code": "000000"}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "2025550199"},
        {"number": "+1 202 555 0199"},
        {"code": "42891"},
        {"code": "4289134"},
        {"code": "42891a"},
        {"code": "\u0664\u0662\u0668\u0669\u0661\u0663"},
        {"code": 428913},
        {"until": "2031-01-31T00:00:00"},
        {"until": "soon"},
        {"region": "US"},
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_and_not_shown(environment: Environment, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"sms\.test_numbers") as refusal:
        environment.development(SMS__TEST_NUMBERS=written(ENTRY | wrong))
    assert CODE not in str(refusal.value)


@pytest.mark.parametrize(("ahead", "good"), [(timedelta(days=90), True), (timedelta(days=90, seconds=1), False)])
def test_in_production_the_end_is_at_most_ninety_days_ahead(
    environment: Environment, tmp_path: Path, ahead: timedelta, *, good: bool
) -> None:
    """Seen when the service starts, which knows what day it is."""
    clock = ManualClock()
    entry = ENTRY | {"until": (clock.now() + ahead).isoformat()}
    settings = environment.production(SMS__TEST_NUMBERS=written(entry), DATA_DIR=str(tmp_path))
    if good:
        refuse_lasting(settings.sms.test_numbers, now=clock.now())
        return
    with pytest.raises(ValueError, match="GATEHOUSE_SMS__TEST_NUMBERS: in production `until` may lie 90 days ahead"):
        Tools(settings, clock, KINDS)


@pytest.mark.parametrize("number", ["+4407700900123", "+447700900123", "+447400123456", "+14155550", "+493012345678"])
def test_one_that_nobody_can_enrol_stops_the_start(environment: Environment, tmp_path: Path, number: str) -> None:
    """A zero too many, a number of nobody's plan, a region that is not served, too short, a landline."""
    entry = {"number": number, "code": CODE, "until": (ManualClock().now() + timedelta(days=9)).isoformat()}
    settings = environment.production(SMS__TEST_NUMBERS=written(entry), DATA_DIR=str(tmp_path))
    with pytest.raises(ValueError, match="GATEHOUSE_SMS__TEST_NUMBERS: each is a mobile number of a served region"):
        Tools(settings, ManualClock(), KINDS)


def test_in_development_any_possible_one_will_do_as_it_is_written(environment: Environment, tmp_path: Path) -> None:
    given = {name: PRODUCTION[name] for name in ("SECRET_KEYS", "DATABASE__URL")} | {"DATA_DIR": str(tmp_path)}
    possible, mistyped = (written({"number": number, "code": CODE}) for number in ("+447700900123", "+4407700900123"))
    Tools(environment.development(SMS__TEST_NUMBERS=possible, **given), ManualClock(), KINDS)
    with pytest.raises(ValueError, match="GATEHOUSE_SMS__TEST_NUMBERS: each is a mobile number"):
        Tools(environment.development(SMS__TEST_NUMBERS=mistyped, **given), ManualClock(), KINDS)


def test_one_that_is_over_stops_nothing(environment: Environment) -> None:
    """Who forgets to take it out of the settings is not kept from restarting."""
    (read,) = environment.production(
        SMS__TEST_NUMBERS=written(ENTRY | {"until": "2020-01-01T00:00:00Z"})
    ).sms.test_numbers
    refuse_lasting([read], now=datetime.now(UTC))
    assert fixed_code([read], NUMBER, at=datetime.now(UTC)) is None
