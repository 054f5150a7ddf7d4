"""A fault is told by the name of its variable and never by what was in it."""

import pytest
import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.cli.environment import read_settings
from tests.ground.conftest import PRODUCTION, SECRET, Environment


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MFA__CODE_LIFE", "601"),
        ("MFA__ATTEMPTS", "0"),
        ("MFA__ATTEMPTS", "11"),
        ("REGISTRATION__CODE_LIFE", "P2D"),
        ("REGISTRATION__ATTEMPTS", "11"),
        ("PASSWORDS__MIN_LENGTH", "7"),
        ("PASSWORDS__MAX_LENGTH", "63"),
        ("PASSWORDS__MAX_LENGTH", "1025"),
        ("PASSWORDS__MEMORY_KIB", "19455"),
        ("PASSWORDS__TIME_COST", "1"),
        ("PASSWORDS__QUEUE", "0"),
        ("HTTP__PORT", "0"),
        ("HTTP__PORT", "65536"),
        ("HTTP__BODY_LIMIT", "1"),
        ("HTTP__BODY_LIMIT", "1048577"),
        ("HTTP__TRUSTED_PROXIES", "everybody"),
        ("TOKENS__PENDING_LIFE", "601"),
        ("WORKERS", "0"),
        ("ENVIRONMENT", "Production"),
        ("ENVIRONMENT", "dev"),
        ("ENVIRONMENT", ""),
        ("DATABASE__TLS", "off"),
        ("BRAND", ""),
        ("BRAND", "x" * 21),
        ("BRAND", "Gate\nhouse"),
        ("BRAND", "https://mallory.example/"),
        ("BRAND", "<b>"),
        ("LOGS__LEVEL", "loud"),
    ],
)
def test_a146_no_knob_turns_beyond_what_is_safe(
    environment: Environment, name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValidationError):
        environment.development(**{name: value})
    told = refused_to_the_operator(capsys)
    assert told.startswith(f"GATEHOUSE_{name}: ")


@pytest.mark.parametrize(
    "networks", ["0.0.0.0/0", "0.0.0.0/1,128.0.0.0/1", "10.0.0.0/8,8.0.0.0/7", "::/0", "2000::/3", "10.0.0.0/8,::/1"]
)
@pytest.mark.parametrize("environment_", ["development", "production"])
def test_a146_everybody_is_nobodys_own_proxy(environment: Environment, environment_: str, networks: str) -> None:
    """Whoever is trusted as a proxy says where a request comes from: themselves, for one."""
    with pytest.raises(ValidationError, match="GATEHOUSE_HTTP__TRUSTED_PROXIES: name your own"):
        environment.production(ENVIRONMENT=environment_, HTTP__TRUSTED_PROXIES=networks)


@pytest.mark.parametrize(
    "networks", ["10.0.0.0/8", "127.0.0.1", "fc00::/7", "fd00::/8", "2400:cb00::/32", "104.16.0.0/13"]
)
def test_a_network_of_ones_own_or_of_a_cdn_may_be_named(environment: Environment, networks: str) -> None:
    assert environment.production(HTTP__TRUSTED_PROXIES=networks).http.trusted_proxies == (networks,)


def test_a_shortest_password_longer_than_the_longest_is_refused(environment: Environment) -> None:
    with pytest.raises(ValidationError, match=r"PASSWORDS__M|passwords"):
        environment.development(PASSWORDS__MIN_LENGTH="100", PASSWORDS__MAX_LENGTH="64")


def refused_to_the_operator(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit) as end:
        read_settings()
    assert end.value.exit_code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    return told.err


@pytest.mark.parametrize(
    "name",
    ["TOKENS__ISUER", "DATABASE__URL_", "MFA__POLICIES", "DEVICE__TRUST", "HTPP__PORT", "BRAND__X", "_X__Y", "X__Y__Z"],
)
def test_a_setting_nobody_has_is_named(environment: Environment, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValidationError):
        environment.development(**{name: SECRET})
    assert refused_to_the_operator(capsys) == f"GATEHOUSE_{name}: there is no such setting.\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEYS", f'["{SECRET}"'),
        ("SECRET_KEYS", f'[["{SECRET}"]]'),
        ("SECRET_KEYS", f'[{{"{SECRET}": 1}}]'),
        ("SMS__PLIVO_AUTH_TOKEN", SECRET),
        ("SMS", f'{{"plivo_auth_token": "{SECRET}"'),
        ("SMS", f'{{"plivo_auth_token": ["{SECRET}"]}}'),
        ("DATABASE", SECRET),
        ("DATABASE", f'{{"url": {{"password": "{SECRET}"}}}}'),
        ("DATABASE__URL__PASSWORD", SECRET),
        ("DATABASE__TLS", SECRET),
        ("EMAIL__TIMEOUT", SECRET),
        ("EMAIL__QUEUE", SECRET),
        ("ENVIRONMENT", SECRET),
        ("HTTP__CORS_ORIGINS", f"postgresql://gatehouse:{SECRET}@db.example"),
        ("HTTP__PORT", SECRET),
        ("TOKENS__ACCESS_LIFE", SECRET),
        ("MFA__RESEND_AFTER", SECRET),
    ],
)
def test_no_fault_tells_what_was_set(
    environment: Environment, name: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Values end up in the wrong variable; whatever it was, it is not written into a log."""
    with pytest.raises((ValidationError, SettingsError)) as refusal:
        environment.development(**{name: value})
    assert SECRET not in str(refusal.value)
    told = refused_to_the_operator(capsys)
    assert SECRET not in told
    assert "GATEHOUSE_" in told


def test_a_production_that_lacks_something_keeps_what_it_has_to_itself(environment: Environment) -> None:
    with pytest.raises(ValidationError) as refusal:
        environment.production(MFA__POLICY=None, SMS__REGIONS=None, TOKENS__ISSUER=None)
    for name in ("DATABASE__URL", "SECRET_KEYS", "EMAIL__SMTP_URL", "SMS__PLIVO_AUTH_TOKEN"):
        assert PRODUCTION[name] not in str(refusal.value)


def test_settings_never_print_a_secret(environment: Environment) -> None:
    settings = environment.production()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert SECRET not in shown
    assert PRODUCTION["SECRET_KEYS"] not in shown
