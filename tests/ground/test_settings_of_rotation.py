"""How signing keys come and go: what would have a token refused, or a key taken on trust, stops the start."""

from datetime import timedelta

import pytest
import typer
from pydantic import ValidationError

from app.cli.environment import read_settings
from tests.ground.conftest import Environment


def test_keys_rotate_by_themselves_unless_somebody_says_never(environment: Environment) -> None:
    assert environment.development().tokens.rotate_every == timedelta(days=90)
    assert environment.development(TOKENS__ROTATE_EVERY="P30D").tokens.rotate_every == timedelta(days=30)
    assert environment.development(TOKENS__ROTATE_EVERY="never").tokens.rotate_every == "never"


def test_production_publishes_a_key_for_as_long_as_caches_need(environment: Environment) -> None:
    assert environment.production().tokens.publish_ahead == timedelta(minutes=10)
    assert environment.production(TOKENS__PUBLISH_AHEAD="PT1H").tokens.publish_ahead == timedelta(hours=1)
    with pytest.raises(ValidationError, match="GATEHOUSE_TOKENS__PUBLISH_AHEAD must be ten minutes or more"):
        environment.production(TOKENS__PUBLISH_AHEAD="599")


def test_development_may_be_quicker_but_not_quicker_than_its_workers(environment: Environment) -> None:
    quick = {"TOKENS__PUBLISH_AHEAD": "0.6", "TOKENS__FOLLOW_KEYS_EVERY": "0.2"}
    assert environment.development(**quick).tokens.publish_ahead == timedelta(milliseconds=600)
    with pytest.raises(ValidationError, match="PUBLISH_AHEAD must be three times FOLLOW_KEYS_EVERY or more"):
        environment.development(**quick | {"TOKENS__PUBLISH_AHEAD": "0.5"})


def test_a_key_cannot_sign_for_a_shorter_time_than_the_next_one_waits(environment: Environment) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_TOKENS__ROTATE_EVERY must not be shorter than PUBLISH_AHEAD"):
        environment.development(TOKENS__ROTATE_EVERY="PT9M")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("ALGORITHM", value) for value in ("HS256", "RS256", "ES384", "none", "es256", "")),
        *(("FOLLOW_KEYS_EVERY", value) for value in ("31", "0", "0.01")),
        *(("PUBLISH_AHEAD", value) for value in ("0", "-1", "never")),
        *(("ROTATE_EVERY", value) for value in ("0", "-1", "off", "Never", "")),
    ],
)
def test_a146_no_knob_of_the_keys_turns_beyond_what_is_safe(
    environment: Environment, name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValidationError):
        environment.development(**{f"TOKENS__{name}": value})
    with pytest.raises(typer.Exit):
        read_settings()
    told = capsys.readouterr().err
    assert all(line.startswith(f"GATEHOUSE_TOKENS__{name}: ") for line in told.splitlines()), told
