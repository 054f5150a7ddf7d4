"""Lists are `a,b` or JSON, durations ISO 8601 or seconds; what cannot be meant is refused."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests.ground.conftest import Environment


@pytest.mark.parametrize(("written", "json"), [("json", True), ("console", False)])
def test_the_form_of_logs_can_be_chosen(environment: Environment, written: str, *, json: bool) -> None:
    assert environment.development(LOGS__FORMAT=written).logs_as_json is json


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "app.example",
        "https://*.example",
        "https://",
        "https:///x",
        "https://app.example/",
        "https://app.example/path",
        "ftp://app.example",
        "javascript:alert(1)",
        "https://app.example,*",
        "https://[::1",
        "https://user:secret@app.example",
        "https://app.example?x=1",
        "https://app.example#x",
        "https://app.example:99999",
        "https://app example",
    ],
)
def test_a140_an_origin_is_scheme_and_host_and_nothing_more(environment: Environment, origin: str) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_HTTP__CORS_ORIGINS"):
        environment.development(HTTP__CORS_ORIGINS=origin)


def test_an_origin_may_have_a_port(environment: Environment) -> None:
    read = environment.development(HTTP__CORS_ORIGINS="http://localhost:5173,https://app.example:8443")
    assert read.http.cors_origins == ("http://localhost:5173", "https://app.example:8443")


def test_a_session_cannot_idle_longer_than_it_lives(environment: Environment) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_TOKENS__REFRESH_IDLE must not exceed REFRESH_MAX"):
        environment.development(TOKENS__REFRESH_IDLE="P31D")
    assert environment.development(TOKENS__REFRESH_IDLE="P30D").tokens.refresh_idle == timedelta(days=30)


@pytest.mark.parametrize("value", ["US,DE", " US , DE ", "US,DE,", '["US","DE"]', ' ["US", "DE"]'.strip()])
def test_a_list_is_words_or_json(environment: Environment, value: str) -> None:
    settings = environment.development(
        SMS__REGIONS=value, MFA__FACTORS="sms", HTTP__CORS_ORIGINS='["https://a.example"]'
    )
    assert settings.sms.regions == ("US", "DE")
    assert settings.mfa.factors == ("sms",)
    assert settings.http.cors_origins == ("https://a.example",)


def test_keys_are_a_list_too(environment: Environment) -> None:
    for value in ("one,two", '["one", "two"]'):
        keys = environment.development(SECRET_KEYS=value).secret_keys
        assert [key.get_secret_value() for key in keys] == ["one", "two"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("+15005550006", "+15005550006"),
        ("15005550006", "15005550006"),
        ("12345", "12345"),
        ("GATEHOUSE", "GATEHOUSE"),
        ("powerpack:0b1c", "powerpack:0b1c"),
        ('{"US": "+15005550006", "*": "GATEHOUSE"}', {"US": "+15005550006", "*": "GATEHOUSE"}),
    ],
)
def test_a_sender_is_one_or_one_a_region(environment: Environment, value: str, expected: str | dict[str, str]) -> None:
    assert environment.development(SMS__PLIVO_SRC=value).sms.plivo_src == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("PT5M", timedelta(minutes=5)),
        ("300", timedelta(minutes=5)),
        ("0.5", timedelta(milliseconds=500)),
        ("00:05:00", timedelta(minutes=5)),
        ("PT1.5S", timedelta(seconds=1.5)),
    ],
)
def test_a_duration_is_iso_8601_or_seconds(environment: Environment, value: str, expected: timedelta) -> None:
    assert environment.development(MFA__CODE_LIFE=value).mfa.code_life == expected


def test_a044_a_code_never_lives_longer_than_ten_minutes(environment: Environment) -> None:
    assert environment.development(MFA__CODE_LIFE="PT10M").mfa.code_life == timedelta(minutes=10)
    with pytest.raises(ValidationError, match=r"mfa\.code_life"):
        environment.development(MFA__CODE_LIFE="601")


@pytest.mark.parametrize(
    "value", ["0", "PT0S", "-5", "-PT5M", "", "soon", "inf", "nan", "1e3", "5 minutes", "9" * 400, "true"]
)
def test_a_duration_is_longer_than_nothing(environment: Environment, value: str) -> None:
    with pytest.raises(ValidationError, match=r"mfa\.code_life"):
        environment.development(MFA__CODE_LIFE=value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30,60", (30, 60)),
        ("[30, 60]", (30, 60)),
        ('["PT30S", "60"]', (30, 60)),
        ("PT30S,PT1M", (30, 60)),
        ("45", (45,)),
    ],
)
def test_durations_are_a_list(environment: Environment, value: str, expected: tuple[int, ...]) -> None:
    read = environment.development(MFA__RESEND_AFTER=value).mfa.resend_after
    assert read == tuple(timedelta(seconds=seconds) for seconds in expected)


@pytest.mark.parametrize("value", ["", "[]", "30,0", "30,-1", "30,soon", "[30"])
def test_a_list_of_durations_is_none_with_one_bad_word(environment: Environment, value: str) -> None:
    with pytest.raises(ValidationError, match=r"mfa\.resend_after"):
        environment.development(MFA__RESEND_AFTER=value)


def test_settings_are_frozen(environment: Environment) -> None:
    settings = environment.development()
    with pytest.raises(ValidationError):
        setattr(settings, "environment", "production")  # noqa: B010  what mypy would not let through
    with pytest.raises(ValidationError):
        setattr(settings.mfa, "attempts", 10)  # noqa: B010  the same


def test_the_host_has_names_that_nobody_may_take_for_a_password(environment: Environment) -> None:
    settings = environment.development(HTTP__PUBLIC_URL="https://id.example.com:8443/auth")
    assert settings.http.host_names == ("id.example.com", "id", "example", "com")
