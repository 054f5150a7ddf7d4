"""Asks a range API, such as Have I Been Pwned's, for breached passwords: it learns five digits of a SHA-1 and no more."""

import asyncio
import re
import ssl
from datetime import timedelta

import httpx

from app.senders.base import BreachesUnavailable

_MOST_BYTES = 512 * 1024
"""A range holds about 1 000 to 2 000 lines of 40 bytes."""
_LISTING = re.compile(rb"(?:[0-9A-Fa-f]{35}:[0-9]{1,15}(?:\r?\n|$))*")
_HEADERS = {"Add-Padding": "true", "Accept-Encoding": "identity", "User-Agent": "gatehouse"}
"""The padding keeps an eavesdropper from telling ranges apart by their length."""


class RangeApi:
    """A client of a range API. *wait* bounds a whole request, however slowly the answer arrives."""

    def __init__(self, url: str, *, wait: timedelta) -> None:
        self._url = url.rstrip("/")
        self._wait = wait.total_seconds()
        self._client = httpx.AsyncClient(
            headers=_HEADERS,
            timeout=None,  # noqa: S113  `include` bounds it as a whole
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=4),
        )

    async def include(self, prefix: str, suffix: str) -> bool:
        try:
            async with asyncio.timeout(self._wait):
                listing = await self._fetch(prefix)
        except TimeoutError:
            raise BreachesUnavailable("timeout") from None
        except httpx.HTTPError as failure:
            raise BreachesUnavailable(type(failure).__name__) from None
        if not _LISTING.fullmatch(listing):
            raise BreachesUnavailable("not a listing")
        return _count(listing, suffix.encode()) > 0

    async def close(self) -> None:
        await self._client.aclose()

    async def _fetch(self, prefix: str) -> bytes:
        async with self._client.stream("GET", f"{self._url}/{prefix}") as answer:
            if answer.status_code != httpx.codes.OK:
                raise BreachesUnavailable(f"status {answer.status_code}")
            listing = b""
            async for piece in answer.aiter_raw():
                listing += piece
                if len(listing) > _MOST_BYTES:
                    raise BreachesUnavailable("too long")
            return listing


def _count(listing: bytes, suffix: bytes) -> int:
    """Return how often the password was found in breaches; lines that only pad the answer say 0."""
    found = re.search(b"(?im)^" + suffix + b":([0-9]+)", listing)
    return int(found[1]) if found else 0
