"""What is only good enough for development stops the start of production, each fault by the name of its variable."""

import pytest
from pydantic import ValidationError

from tests.ground.conftest import SECRET, Environment


def test_nothing_set_means_production_which_refuses(environment: Environment) -> None:
    with pytest.raises(ValidationError) as refusal:
        environment.read({})
    for name in (
        "DATABASE__URL",
        "SECRET_KEYS",
        "EMAIL__SMTP_URL",
        "SMS__PLIVO_AUTH_ID",
        "SMS__REGIONS",
        "MFA__POLICY",
    ):
        assert f"GATEHOUSE_{name}" in str(refusal.value)


def test_a_complete_production_starts(environment: Environment) -> None:
    settings = environment.production()
    assert settings.environment == "production"
    assert not settings.in_development
    assert settings.logs_as_json
    assert settings.http.docs is None


def test_development_needs_nothing(environment: Environment) -> None:
    settings = environment.development()
    assert settings.in_development
    assert not settings.logs_as_json
    assert settings.sms.regions is None


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE__URL",
        "SECRET_KEYS",
        "EMAIL__SMTP_URL",
        "EMAIL__FROM",
        "EMAIL__RESET_URL",
        "EMAIL__UNDO_URL",
        "TOKENS__ISSUER",
        "HTTP__PUBLIC_URL",
        "MFA__POLICY",
        "SMS__REGIONS",
        "SMS__PLIVO_SRC",
    ],
)
@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_a146_production_refuses_a_development_default(environment: Environment, name: str, value: str | None) -> None:
    with pytest.raises(ValidationError) as refusal:
        environment.production(**{name: value})
    named = [fault for fault in sentences(refusal.value) if name in fault]
    assert len(named) == 1


def sentences(refusal: ValidationError) -> list[str]:
    """Every fault with the variable it is about, as the operator's command shows it."""
    faults = refusal.errors(include_input=False, include_url=False)
    return [
        part
        for fault in faults
        for part in ("__".join(map(str, fault["loc"])).upper() + fault["msg"]).split(". GATEHOUSE_")
    ]


def test_a146_every_fault_is_told_at_once(environment: Environment) -> None:
    with pytest.raises(ValidationError) as refusal:
        environment.production(SECRET_KEYS=None, DATABASE__URL=None, HTTP__PUBLIC_URL="http://gatehouse.example")
    assert len(sentences(refusal.value)) == 3


def test_both_halves_of_the_sms_credentials_are_needed(environment: Environment) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_SMS__PLIVO_AUTH_TOKEN go together: set both"):
        environment.production(SMS__PLIVO_AUTH_TOKEN=None)


def test_both_halves_of_the_sms_credentials_are_needed_in_development_too(environment: Environment) -> None:
    with pytest.raises(ValidationError, match=r"GATEHOUSE_SMS__PLIVO_AUTH_ID and .* go together: set both"):
        environment.development(SMS__PLIVO_AUTH_TOKEN=SECRET)


def test_credentials_without_a_sender_are_refused(environment: Environment) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_SMS__PLIVO_SRC is missing: set the number or name"):
        environment.development(SMS__PLIVO_AUTH_ID="MA", SMS__PLIVO_AUTH_TOKEN=SECRET)


@pytest.mark.parametrize(
    "name",
    [
        "TOKENS__ISSUER",
        "HTTP__PUBLIC_URL",
        "SMS__PLIVO_BASE_URL",
        "HTTP__CORS_ORIGINS",
        "EMAIL__RESET_URL",
        "EMAIL__UNDO_URL",
        "PASSWORDS__BREACH_CHECK_URL",
    ],
)
def test_a146_production_speaks_https_only(environment: Environment, name: str) -> None:
    with pytest.raises(ValidationError, match=f"GATEHOUSE_{name} must be https in production"):
        environment.production(**{name: "http://gatehouse.example"})


def test_a146_production_names_its_pages_and_takes_no_wildcard(environment: Environment) -> None:
    with pytest.raises(ValidationError, match="GATEHOUSE_HTTP__CORS_ORIGINS: each is an origin"):
        environment.production(HTTP__CORS_ORIGINS="https://app.example,*")


def test_a146_production_without_a_provider_sends_no_sms_into_a_fake(environment: Environment) -> None:
    nothing = dict.fromkeys(("SMS__PLIVO_AUTH_ID", "SMS__PLIVO_AUTH_TOKEN", "SMS__PLIVO_SRC"))
    with pytest.raises(ValidationError, match="GATEHOUSE_SMS__PLIVO_AUTH_ID is not set; production needs it"):
        environment.production(**nothing)
    assert environment.production(**nothing, MFA__FACTORS="totp").mfa.factors == ("totp",)


@pytest.mark.parametrize(
    "value", ["https://", "https:", "gatehouse.example", "https:///x", "ftp://gatehouse.example", "https://["]
)
@pytest.mark.parametrize("name", ["TOKENS__ISSUER", "HTTP__PUBLIC_URL"])
def test_an_address_of_the_service_has_a_host(environment: Environment, name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=f"GATEHOUSE_{name}"):
        environment.production(**{name: value})
