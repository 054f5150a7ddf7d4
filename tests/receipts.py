"""An installation that asks Plivo for receipts, on a stand-in for it, and somebody whose phone is enrolled there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn
from tests.standins.receipts import Receipt, address_of, fields
from tests.world import Person, World, running, settings_for

PUBLIC_URL = "https://id.example.test"


@dataclass
class Post:
    """The office in which receipts arrive: the world, the provider, and a way to look at the tables."""

    world: World
    plivo: PlivoStandIn
    rows: asyncpg.Connection

    async def with_phone(self) -> Person:
        ada = await self.world.signed_up()
        await ada.sign_in()
        begun = await ada.begin_phone()
        assert begun.json()["challenge"]["delivery"] == "accepted", begun.text
        assert (await ada.confirm(begun.json()["id"], self.code())).status_code == 200
        return ada

    async def asked(self) -> Person:
        """Somebody who was sent a code to sign in with."""
        ada = await self.with_phone()
        assert (await ada.login()).json()["challenge"]["delivery"] == "accepted"
        return ada

    def code(self, nth: int = -1) -> str:
        text: str = self.plivo.requests[nth].body["text"]
        return text[:6]

    def receipt(self, status: str, *, nth: int = -1, **more: str) -> Receipt:
        """What Plivo says of the message that was sent last."""
        return Receipt(address_of(self.plivo, nth), fields(status, message=self.plivo.named[nth], **more))

    async def call(
        self, receipt: Receipt, headers: dict[str, str] | None = None, *, body: bytes | None = None, path: str = ""
    ) -> httpx.Response:
        return await self.world.client.post(
            path or urlsplit(receipt.address).path,
            content=receipt.body() if body is None else body,
            headers=receipt.headers() if headers is None else headers,
        )

    async def report(self, status: str, *, nth: int = -1, **more: str) -> httpx.Response:
        return await self.call(self.receipt(status, nth=nth, **more))

    async def seen(self, person: Person) -> dict[str, Any]:
        """What `GET /verify-otp` shows."""
        answer = await person.call("GET", "/verify-otp", token=person.mfa_token)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def everything(self) -> list[tuple[Any, ...]]:
        """Every row that a receipt could ever touch, and how often it was written."""
        sends = await self.rows.fetch("SELECT xmin::text, id, delivery, error, settled_at FROM sends ORDER BY id")
        asked = await self.rows.fetch("SELECT xmin::text, id, delivery, attempts FROM challenges ORDER BY id")
        nonces = await self.rows.fetch("SELECT xmin::text, digest FROM receipt_nonces ORDER BY digest")
        return [tuple(row) for row in (*sends, *asked, *nonces)]


@asynccontextmanager
async def receiving(
    database_url: str, data_dir: Path, plivo: PlivoStandIn, rows: asyncpg.Connection, **groups: Any
) -> AsyncIterator[Post]:
    sms = {"plivo_auth_id": AUTH_ID, "plivo_auth_token": AUTH_TOKEN, "plivo_src": "+12025550100"}
    sms |= {"plivo_base_url": plivo.url} | groups.pop("sms", {})
    groups = {"http": {"public_url": PUBLIC_URL}, **groups}
    async with running(settings_for(database_url, data_dir, sms=sms, **groups)) as world:
        yield Post(world, plivo, rows)
