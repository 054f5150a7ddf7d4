"""Raw connections, opened beforehand and spread evenly over the workers: what is sent on them at once arrives at once."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.attack.service import Service


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: Any = None
    token: str = ""

    def encoded(self) -> bytes:
        content = b"" if self.body is None else json.dumps(self.body).encode()
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
        head += "Content-Type: application/json\r\n" if content else ""
        head += f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        return f"{head}\r\n".encode() + content


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes
    head: tuple[str, ...] = ()

    @property
    def body(self) -> Any:
        return json.loads(self.content) if self.content else {}

    @property
    def told(self) -> tuple[int, str]:
        """The status, and the problem's code when it is one."""
        return self.status, self.body.get("code", "")

    def seen(self, *, but: str = "") -> tuple[tuple[str, ...], bytes]:
        """Everything that was received, in its order, except for Date, X-Request-Id and the id *but*."""
        head = tuple(line for line in self.head if not line.lower().startswith(("date:", "x-request-id:")))
        return head, self.content.replace(but.encode(), b"")


@dataclass(frozen=True, slots=True)
class Line:
    """One connection to one worker."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, request: Request) -> None:
        self.writer.write(request.encoded())

    async def reply(self) -> Reply:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        content = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Reply(int(head[0].split()[1]), headers, content, tuple(head))

    async def answer(self, request: Request) -> Reply:
        self.send(request)
        return await self.reply()

    async def ask(self, method: str, path: str, body: Any = None, *, token: str = "") -> Reply:
        return await self.answer(Request(method, path, body, token))

    async def hang_up(self, *, reset: bool = False) -> None:
        """Close it; *reset*: so that the other side gets an RST instead of an end."""
        if reset:
            peer: socket.socket = self.writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


@asynccontextmanager
async def lines(service: Service, count: int) -> AsyncIterator[list[Line]]:
    """Open *count* connections, to each of the workers in turn."""
    workers = service.worker_ids()
    opened: list[list[Line]] = []
    try:
        for nth, worker in enumerate(workers):
            share = len(range(nth, count, len(workers)))
            with service.only(worker):
                opened.append(await asyncio.gather(*(_open(service) for _ in range(share))))
        yield [opened[nth % len(workers)][nth // len(workers)] for nth in range(count)]
    finally:
        await asyncio.gather(*(line.hang_up() for mine in opened for line in mine))


async def _open(service: Service) -> Line:
    line = Line(*await asyncio.open_connection("127.0.0.1", service.port))
    assert (await line.ask("GET", "/livez")).status == 200
    return line


async def at_once(service: Service, requests: Sequence[Request]) -> list[Reply]:
    """Send every request on a connection of its own, all at the same moment, and wait for the answers."""
    async with lines(service, len(requests)) as opened:
        for line, request in zip(opened, requests, strict=True):
            line.send(request)
        return await asyncio.gather(*(line.reply() for line in opened))


def asking(line: Line, request: Request, status: int) -> Callable[[], Awaitable[None]]:
    """Return a function that sends this request whenever it is called, and expects *status*."""

    async def ask() -> None:
        assert (await line.answer(request)).status == status

    return ask


async def both(*asked: tuple[Line, Request]) -> list[Reply]:
    for line, request in asked:
        line.send(request)
    return await asyncio.gather(*(line.reply() for line, _ in asked))
