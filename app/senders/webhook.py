"""SMS through a webhook of the operator's: one POST of JSON, signed by the convention of Standard Webhooks.

Law: as for every sender, an outcome that nobody can know is UNKNOWN; there is no second try, no redirect, no long answer.
"""

import asyncio
import json
import ssl
from contextlib import aclosing

import httpx

from app.clock import Clock
from app.crypto.callbacks import read_secret, sign
from app.crypto.chance import new_id
from app.messages import Delivery, Message
from app.senders import outcomes
from app.senders.base import Sent
from app.senders.breaker import Breaker, Told
from app.settings.groups import SmsSettings
from app.strict_json import parse

NAME = "webhook"
_MOST_BYTES = 16 * 1024
_CONNECT_SECONDS = 2
_NAME_SECONDS = 1
_AT_A_TIME = 16
_LONGEST_NAME = 64
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout)
"""Errors before any byte of the request was sent: no connection, or no certificate that is trusted."""
_REFUSALS, _TAKEN = range(400, 500), range(200, 300)
_SHUT_OUT = {401, 403, 404, 405, 408, 410, 421, 429}
"""Refusals that say nothing about the message."""


class WebhookSender:
    """Raises ValueError for a missing or malformed secret."""

    def __init__(self, settings: SmsSettings, *, clock: Clock, told: Told | None = None) -> None:
        self._url = settings.fallback_webhook_url or ""
        self._secret = read_secret(settings.fallback_webhook_secret)
        self._deadline = settings.deadline.total_seconds()
        self._clock = clock
        self._breaker = Breaker(clock=clock, sender=NAME, told=told)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS, pool=self._deadline / 2),
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
            limits=httpx.Limits(
                max_connections=_AT_A_TIME, max_keepalive_connections=0
            ),  # a kept connection may be half dead
        )

    async def send(self, message: Message) -> Sent:
        began = self._clock.elapsed()
        sent, reason = await self._send(message)
        outcomes.note(sent.delivery, reason, message, sender=NAME, seconds=self._clock.elapsed() - began)
        return sent

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, message: Message) -> tuple[Sent, str]:
        if not self._breaker.admit():
            return _turned_away(), "circuit_open"
        try:
            sent, reason = await self._post(message)
        except httpx.PoolTimeout:  # ours: it says nothing about the webhook
            return _turned_away(), "too_many_waiting"
        except TimeoutError:
            sent, reason = Sent(Delivery.UNKNOWN, NAME), "deadline"
        except _UNSENT:
            sent, reason = _turned_away(), "not_connected"
        except httpx.HTTPError:
            sent, reason = Sent(Delivery.UNKNOWN, NAME), "connection_lost"
        self._breaker.note(ill=sent.turned_away or sent.delivery is Delivery.UNKNOWN)
        return sent, reason

    async def _post(self, message: Message) -> tuple[Sent, str]:
        now = self._clock.now()
        message_id, body = f"msg_{new_id(now).hex}", _body(message)
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "gatehouse",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": sign(body, message_id=message_id, at=now, secret=self._secret),
        }
        request = self._client.build_request("POST", self._url, content=body, headers=headers)
        async with asyncio.timeout(self._deadline):
            answer = await self._client.send(request, stream=True)
        async with aclosing(answer):
            status = answer.status_code
            if status in _TAKEN:
                return Sent(Delivery.ACCEPTED, NAME, await _name(answer) or message_id), "taken"
        if status in _REFUSALS:
            return Sent(Delivery.FAILED, NAME, turned_away=status in _SHUT_OUT), f"http_{status}"
        return Sent(Delivery.UNKNOWN, NAME), f"http_{status}"


def _turned_away() -> Sent:
    return Sent(Delivery.FAILED, NAME, turned_away=True)


def _body(message: Message) -> bytes:
    told = {
        "to": message.to,
        "text": message.text,
        "region": message.region,
        "purpose": message.purpose,
        "expires_in": int(message.lifetime.total_seconds()),
    }
    return json.dumps({"type": "sms.send", "data": told}, ensure_ascii=False).encode()


async def _body_of(answer: httpx.Response) -> bytes:
    """Read the answer's body. Raises ValueError when it is longer than 16 KiB."""
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > _MOST_BYTES:
            raise ValueError("a long answer")
    return body


async def _name(answer: httpx.Response) -> str | None:
    """Return the `id` of a JSON answer, if it has a short one. The message was accepted, whatever is found here."""
    try:
        async with asyncio.timeout(_NAME_SECONDS):
            told = parse(await _body_of(answer))
    except (TimeoutError, ValueError, httpx.HTTPError):
        return None
    name = told.get("id") if isinstance(told, dict) else None
    return name if isinstance(name, str) and len(name) <= _LONGEST_NAME else None
