"""A door before a real PostgreSQL that speaks TLS, or refuses it, as PostgreSQL and its poolers do."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

ADDRESS = "0.0.0.0"  # noqa: S104  leads to this machine, and does not say so
_SSL_REQUEST = (8).to_bytes(4) + (80_877_103).to_bytes(4)


@dataclass
class Door:
    """Which guests it let in, and how they spoke. *tls* may be exchanged while it is open."""

    socket: str
    tls: ssl.SSLContext | None
    port: int = 0
    spoken: list[str] = field(default_factory=list)

    def url(self, database_url: str, address: str = ADDRESS) -> str:
        return f"postgresql+asyncpg://postgres@{address}:{self.port}{urlsplit(database_url).path}"

    async def greet(self, guest: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._let_in(guest, back)
        back.close()

    async def _let_in(self, guest: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        first = await guest.readexactly(8)
        house, on = await asyncio.open_unix_connection(self.socket)
        try:
            if first == _SSL_REQUEST:
                back.write(b"S" if self.tls else b"N")
                await back.drain()
                if self.tls:
                    await back.start_tls(self.tls)
            else:
                on.write(first)
            self.spoken.append("tls" if back.get_extra_info("ssl_object") else "plain")
            await asyncio.gather(_carry(guest, on), _carry(house, back))
        finally:
            on.close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while said := await source.read(65_536):
        target.write(said)
        await target.drain()
    target.close()


@asynccontextmanager
async def door(database_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Door]:
    (folder,) = parse_qs(urlsplit(database_url).query)["host"]
    opened = Door(f"{folder}/.s.PGSQL.5432", tls)
    server = await asyncio.start_server(opened.greet, ADDRESS, 0)
    opened.port = server.sockets[0].getsockname()[1]
    yield opened
    server.close()
