"""What cannot work in settings that are each well written, or is only good enough for development: a sentence a fault."""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from app.settings.faults import URL, of_database, of_email, of_http, of_sms, of_tokens
from app.settings.fixed_codes import of_test_numbers
from app.settings.groups import SmsSettings
from app.settings.people import ALONE
from app.settings.types import DEVELOPMENT_SENDER

if TYPE_CHECKING:
    from app.settings import Settings

_JWKS_KNOWN_AFTER = timedelta(minutes=10)


def unsafe(settings: "Settings") -> Iterator[str]:
    yield from _always(settings)
    if not settings.in_development:
        yield from _in_production(settings)


def _always(settings: "Settings") -> Iterator[str]:
    yield from of_database(settings.database)
    yield from of_http(settings.http)
    urls = {
        "TOKENS__ISSUER": settings.tokens.issuer,
        "HTTP__PUBLIC_URL": settings.http.public_url,
        "PASSWORDS__BREACH_CHECK_URL": settings.passwords.breach_check_url,
        "SMS__PLIVO_BASE_URL": settings.sms.plivo_base_url,
        "SMS__FALLBACK_WEBHOOK_URL": settings.sms.fallback_webhook_url,
        "TELEMETRY__ENDPOINT": settings.telemetry.endpoint,
    }
    for name, url in urls.items():
        if url is not None and not URL.fullmatch(url):
            yield f"GATEHOUSE_{name} is not a URL such as https://id.example.com."
    if settings.shortest_password > settings.passwords.max_length:
        yield "GATEHOUSE_PASSWORDS__MIN_LENGTH must not exceed MAX_LENGTH."
    yield from of_email(settings.email)
    if settings.shortest_password < ALONE and settings.mfa.policy == "optional":
        yield f"GATEHOUSE_PASSWORDS__MIN_LENGTH under {ALONE} needs GATEHOUSE_MFA__POLICY=required."
    yield from of_tokens(settings.tokens)
    yield from of_sms(settings.sms)
    yield from of_test_numbers(settings.sms.test_numbers, in_development=settings.in_development)


def _in_production(settings: "Settings") -> Iterator[str]:
    """Nothing that is only good enough for development may run unnoticed in production."""
    required: dict[str, object] = {
        "GATEHOUSE_DATABASE__URL": settings.database.url,
        "GATEHOUSE_SECRET_KEYS (make one with `gatehouse keys new`)": settings.secret_keys,
        "GATEHOUSE_EMAIL__SMTP_URL": settings.email.smtp_url,
        "GATEHOUSE_EMAIL__RESET_URL (your page that resets a password)": settings.email.reset_url,
        "GATEHOUSE_EMAIL__UNDO_URL (your page that undoes a change of e-mail)": settings.email.undo_url,
    }
    chosen = {"GATEHOUSE_MFA__POLICY": "policy" in settings.mfa.model_fields_set}
    if "sms" in settings.mfa.factors:
        required |= {"GATEHOUSE_SMS__REGIONS": settings.sms.regions}
        required |= {} if settings.sms.plivo_auth_id else _no_plivo(settings.sms)
    for name, present in (required | chosen).items():
        if not present:
            yield f"{name} is not set; production needs it (GATEHOUSE_ENVIRONMENT=development runs without)."
    urls = {
        "GATEHOUSE_TOKENS__ISSUER": (settings.tokens.issuer,),
        "GATEHOUSE_HTTP__PUBLIC_URL": (settings.http.public_url,),
        "GATEHOUSE_EMAIL__RESET_URL": (settings.email.reset_url or "https:",),
        "GATEHOUSE_EMAIL__UNDO_URL": (settings.email.undo_url or "https:",),
        "GATEHOUSE_PASSWORDS__BREACH_CHECK_URL": (settings.passwords.breach_check_url or "https:",),
        "GATEHOUSE_SMS__PLIVO_BASE_URL": (settings.sms.plivo_base_url,),
        "GATEHOUSE_SMS__FALLBACK_WEBHOOK_URL": (settings.sms.fallback_webhook_url or "https:",),
        "GATEHOUSE_HTTP__CORS_ORIGINS": settings.http.cors_origins,
    }
    for name, values in urls.items():
        if any(value.startswith("http:") for value in values):
            yield f"{name} must be https in production."
    if settings.tokens.publish_ahead < _JWKS_KNOWN_AFTER:
        yield "GATEHOUSE_TOKENS__PUBLISH_AHEAD must be ten minutes or more in production: others cache the JWKS."
    if settings.email.sender == DEVELOPMENT_SENDER or "@" not in settings.email.sender:
        yield "GATEHOUSE_EMAIL__FROM is not set: name the address that mails come from."


def _no_plivo(sms: SmsSettings) -> dict[str, object]:
    """With an auth id, what goes with it is asked for in development, too."""
    return {
        "GATEHOUSE_SMS__PLIVO_AUTH_ID": None,
        "GATEHOUSE_SMS__PLIVO_AUTH_TOKEN": sms.plivo_auth_token,
        "GATEHOUSE_SMS__PLIVO_SRC": sms.plivo_src,
    }
