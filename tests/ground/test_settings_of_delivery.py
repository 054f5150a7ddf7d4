"""Receipts and a second sender: what is named half, twice or over an open line stops the start with a sentence."""

import pytest
from pydantic import ValidationError

from tests.ground.conftest import Environment

PLIVO = {"SMS__PLIVO_AUTH_ID": "MAXXXXXXXXXXXXXXXXXX", "SMS__PLIVO_AUTH_TOKEN": "t", "SMS__PLIVO_SRC": "+15005550006"}
WEBHOOK = {
    "SMS__FALLBACK_WEBHOOK_URL": "https://sms.example/send",
    "SMS__FALLBACK_WEBHOOK_SECRET": "whsec_" + "A" * 32,
}


def test_receipts_come_to_the_public_url_where_that_is_https(environment: Environment) -> None:
    settings = environment.production()
    assert settings.receipts_address == "https://gatehouse.example/webhooks/plivo/"
    assert settings.sms.auth_tokens == (settings.sms.plivo_auth_token.get_secret_value(),)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({}, None),
        (PLIVO, None),
        (PLIVO | {"SMS__RECEIPTS": "true"}, "http://127.0.0.1:8000/webhooks/plivo/"),
        ({"SMS__RECEIPTS": "true"}, None),
        (PLIVO | {"HTTP__PUBLIC_URL": "https://id.example/auth/"}, "https://id.example/auth/webhooks/plivo/"),
        (PLIVO | {"HTTP__PUBLIC_URL": "https://id.example", "SMS__RECEIPTS": "false"}, None),
    ],
)
def test_elsewhere_only_when_a_setting_says_so(
    environment: Environment, changes: dict[str, str], address: str | None
) -> None:
    assert environment.development(**changes).receipts_address == address


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (PLIVO | {"SMS__FALLBACK_PLIVO_AUTH_ID": "SA", "SMS__FALLBACK_PLIVO_SRC": "+1"}, "AUTH_TOKEN go together"),
        (
            PLIVO | {"SMS__FALLBACK_PLIVO_AUTH_ID": "SA", "SMS__FALLBACK_PLIVO_AUTH_TOKEN": "t"},
            "FALLBACK_PLIVO_SRC is missing",
        ),
        (PLIVO | {"SMS__FALLBACK_WEBHOOK_URL": "https://sms.example"}, "FALLBACK_WEBHOOK_SECRET go together"),
        (PLIVO | {"SMS__FALLBACK_WEBHOOK_SECRET": "whsec_"}, "FALLBACK_WEBHOOK_SECRET go together"),
        (PLIVO | WEBHOOK | {"SMS__FALLBACK_PLIVO_SRC": "+15005550007"}, "choose one second sender"),
        (WEBHOOK, "set GATEHOUSE_SMS__PLIVO_AUTH_ID too"),
        ({"SMS__FALLBACK_PLIVO_SRC": "+15005550007"}, "set GATEHOUSE_SMS__PLIVO_AUTH_ID too"),
        (
            PLIVO | WEBHOOK | {"SMS__FALLBACK_WEBHOOK_URL": "https://a:b@sms.example"},
            "FALLBACK_WEBHOOK_URL is not a URL",
        ),
        (PLIVO | WEBHOOK | {"SMS__FALLBACK_WEBHOOK_URL": "file:///etc/passwd"}, "FALLBACK_WEBHOOK_URL is not a URL"),
    ],
)
def test_half_a_second_sender_or_two_of_them_are_refused(
    environment: Environment, changes: dict[str, str], fault: str
) -> None:
    with pytest.raises(ValidationError, match=fault):
        environment.development(**changes)


def test_a_webhook_is_called_over_tls_in_production(environment: Environment) -> None:
    assert environment.production(**WEBHOOK).sms.fallback_webhook_url == "https://sms.example/send"
    with pytest.raises(ValidationError, match="FALLBACK_WEBHOOK_URL must be https in production"):
        environment.production(**WEBHOOK | {"SMS__FALLBACK_WEBHOOK_URL": "http://sms.example/send"})


def test_another_number_keeps_the_account_and_another_account_has_its_own(environment: Environment) -> None:
    number = environment.development(**PLIVO, SMS__FALLBACK_PLIVO_SRC="+15005550007").sms.fallback_plivo
    assert (number.plivo_auth_id, number.plivo_src) == (PLIVO["SMS__PLIVO_AUTH_ID"], "+15005550007")
    sub = environment.development(
        **PLIVO,
        SMS__FALLBACK_PLIVO_SRC="+15005550007",
        SMS__FALLBACK_PLIVO_AUTH_ID="SAXXXXXXXXXXXXXXXXXX",
        SMS__FALLBACK_PLIVO_AUTH_TOKEN="u",
    ).sms
    assert (sub.fallback_plivo.plivo_auth_id, sub.auth_tokens) == ("SAXXXXXXXXXXXXXXXXXX", ("t", "u"))
