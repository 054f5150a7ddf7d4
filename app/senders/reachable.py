"""Asks Plivo whether it knows the account, without sending anything: for an operator's command, never for a request."""

import httpx

from app.settings.groups import SmsSettings

_PATIENCE = 5.0
_OK, _UNAUTHORIZED = 200, 401
UNKNOWN = frozenset({"unauthorized", "http_404"})
"""The results that mean that Plivo does not know the account; any other means that it could not be asked."""


async def plivo_refuses(settings: SmsSettings) -> str | None:
    """Read the account (GET, which costs and changes nothing); None when Plivo knows it, else a word for why not."""
    auth_id = settings.plivo_auth_id or ""
    token = settings.plivo_auth_token.get_secret_value() if settings.plivo_auth_token else ""
    url = f"{settings.plivo_base_url.rstrip('/')}/v1/Account/{auth_id}/"
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:
            answer = await client.get(url, auth=(auth_id, token))
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code == _UNAUTHORIZED:
        return "unauthorized"
    return None if answer.status_code == _OK else f"http_{answer.status_code}"
