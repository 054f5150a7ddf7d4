"""What cannot work within one group of settings, a sentence each that says what to do; and how URLs are written."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from app.settings.email import EmailSettings
from app.settings.groups import DatabaseSettings, SmsSettings, TokenSettings
from app.settings.http import HttpSettings

_HOST = r"https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}))?"
ORIGIN = re.compile(_HOST, re.ASCII)
URL = re.compile(_HOST + r"(/[!$-;=@-~]*)?", re.ASCII)
PAGE = re.compile(_HOST + r"(/[!$-;=?-~]*)?", re.ASCII)
"""Printable ASCII without a fragment: nothing that could end the link in a mail or move the token out of its place."""
_AUTH_ID = re.compile(r"(MA|SA).{18}")
_DRIVER = "postgresql+asyncpg://"
_OUR_OWN_IPV6 = IPv6Network("fc00::/7")


def of_database(database: DatabaseSettings) -> Iterator[str]:
    for name, url in {"URL": database.url, "OWNER_URL": database.owner_url}.items():
        if url and not url.get_secret_value().startswith(_DRIVER):
            yield f"GATEHOUSE_DATABASE__{name} must begin with {_DRIVER}."
    if bool(database.tls_certificate) != bool(database.tls_key):
        yield "GATEHOUSE_DATABASE__TLS_CERTIFICATE and GATEHOUSE_DATABASE__TLS_KEY go together: set both."
    # With any other mode the driver would not use them, and say nothing.
    if (database.tls_ca or database.tls_certificate) and database.tls_mode != "verify-full":
        yield "GATEHOUSE_DATABASE__TLS_CA and …_CERTIFICATE need verify-full: leave GATEHOUSE_DATABASE__TLS unset."


def of_email(email: EmailSettings) -> Iterator[str]:
    if email.reset_url and not PAGE.fullmatch(email.reset_url):
        yield "GATEHOUSE_EMAIL__RESET_URL is not a page such as https://app.example.com/reset."
    if email.undo_url and not PAGE.fullmatch(email.undo_url):
        yield "GATEHOUSE_EMAIL__UNDO_URL is not a page such as https://app.example.com/undo-email."


def of_sms(sms: SmsSettings) -> Iterator[str]:
    if bool(sms.plivo_auth_id) != bool(sms.plivo_auth_token):
        yield "GATEHOUSE_SMS__PLIVO_AUTH_ID and GATEHOUSE_SMS__PLIVO_AUTH_TOKEN go together: set both."
    ids = {"PLIVO_AUTH_ID": sms.plivo_auth_id, "FALLBACK_PLIVO_AUTH_ID": sms.fallback_plivo_auth_id}
    for name, auth_id in ids.items():
        if auth_id and not _AUTH_ID.fullmatch(auth_id):
            yield f"GATEHOUSE_SMS__{name} is not an auth id: copy the 20 characters that begin with MA or SA."
    if sms.plivo_auth_id and not sms.plivo_src:
        yield "GATEHOUSE_SMS__PLIVO_SRC is missing: set the number or name that messages come from."
    yield from of_fallback(sms)
    yield from of_money(sms)


def of_fallback(sms: SmsSettings) -> Iterator[str]:
    if bool(sms.fallback_plivo_auth_id) != bool(sms.fallback_plivo_auth_token):
        yield "GATEHOUSE_SMS__FALLBACK_PLIVO_AUTH_ID and GATEHOUSE_SMS__FALLBACK_PLIVO_AUTH_TOKEN go together: set both."
    if sms.fallback_plivo_auth_id and not sms.fallback_plivo_src:
        yield "GATEHOUSE_SMS__FALLBACK_PLIVO_SRC is missing: set what the second sender's messages come from."
    if bool(sms.fallback_webhook_url) != bool(sms.fallback_webhook_secret):
        yield "GATEHOUSE_SMS__FALLBACK_WEBHOOK_URL and GATEHOUSE_SMS__FALLBACK_WEBHOOK_SECRET go together: set both."
    if sms.fallback_plivo_src and sms.fallback_webhook_url:
        yield "GATEHOUSE_SMS__FALLBACK_PLIVO_SRC and GATEHOUSE_SMS__FALLBACK_WEBHOOK_URL: choose one second sender."
    if (sms.fallback_plivo_src or sms.fallback_webhook_url) and not sms.plivo_auth_id:
        yield "GATEHOUSE_SMS__FALLBACK_… is for when Plivo is ill: set GATEHOUSE_SMS__PLIVO_AUTH_ID too."


def of_money(sms: SmsSettings) -> Iterator[str]:
    """A budget is a hard stop only where everything has a price."""
    if sms.budget is None:
        return
    if not sms.prices:
        yield "GATEHOUSE_SMS__BUDGET stops nothing without GATEHOUSE_SMS__PRICES: say what an SMS costs."
    elif "*" not in sms.prices and (free := set(sms.regions or ("*",)) - set(sms.prices)):
        lacks = ", ".join(sorted(free))
        yield f"GATEHOUSE_SMS__BUDGET stops nothing where an SMS has no price: GATEHOUSE_SMS__PRICES lacks {lacks} (* is the rest)."


def of_http(http: HttpSettings) -> Iterator[str]:
    if not all(ORIGIN.fullmatch(origin) for origin in http.cors_origins):
        yield "GATEHOUSE_HTTP__CORS_ORIGINS: each is an origin such as https://app.example.com, and nothing more."
    if any(_is_half_the_world(ip_network(proxy)) for proxy in http.trusted_proxies):
        yield "GATEHOUSE_HTTP__TRUSTED_PROXIES: name your own proxies' networks; behind one so wide anybody can choose an address."


def _is_half_the_world(network: IPv4Network | IPv6Network) -> bool:
    """Wider than anybody's own network is: /8 of IPv4 (RFC 1918), fc00::/7 (RFC 4193), /16 of other IPv6."""
    if isinstance(network, IPv4Network):
        return network.prefixlen < 8  # noqa: PLR2004
    return network.prefixlen < 16 and not network.subnet_of(_OUR_OWN_IPV6)  # noqa: PLR2004


def of_tokens(tokens: TokenSettings) -> Iterator[str]:
    """A key that signs before everybody has it is a refusal to everybody who was handed a token under it."""
    if tokens.publish_ahead < 3 * tokens.follow_keys_every:
        yield "GATEHOUSE_TOKENS__PUBLISH_AHEAD must be three times FOLLOW_KEYS_EVERY or more."
    if tokens.rotate_every != "never" and tokens.rotate_every < tokens.publish_ahead:
        yield "GATEHOUSE_TOKENS__ROTATE_EVERY must not be shorter than PUBLISH_AHEAD."
    if tokens.refresh_idle > tokens.refresh_max:
        yield "GATEHOUSE_TOKENS__REFRESH_IDLE must not exceed REFRESH_MAX."
