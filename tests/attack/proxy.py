"""Stands between the service and PostgreSQL, counts statements, and cuts the connection before or after the n-th one.

*After*: the server has done it and said so, and the answer is never heard: a commit whose outcome nobody knows (A161).
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
POLL = "cut_offs.user_id AS user_id"
OUTBOX = "WITH mine AS MATERIALIZED (SELECT outbox.id"
JOBS = ("pg_try_advisory_xact_lock", "UPDATE sessions SET seen_at=")
"""What the transactions of jobs begin with: of those that only one process does, and of the one that notes who is about."""


@dataclass
class Cut:
    """Where to cut, among the statements that begin with *only*, and whether it came to that."""

    nth: int
    after: bool
    only: str | tuple[str, ...] = ""
    seen: list[str] = field(default_factory=list)
    done: bool = False


class Proxy:
    """One cut at a time. Jobs would come between: those that are known are not counted, the outbox is held."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self._cut: Cut | None = None
        self._held = asyncio.Event()

    def arm(self, nth: int, *, after: bool, only: str | tuple[str, ...] = "") -> Cut:
        self._cut = Cut(nth, after, only)
        return self._cut

    def disarm(self) -> None:
        self._cut = None

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        there, away = await asyncio.open_unix_connection(str(self._server / SOCKET))
        link = _Link(self, client=writer, server=away)
        with suppress(asyncio.IncompleteReadError, OSError):
            await asyncio.wait(
                [asyncio.create_task(link.forth(reader)), asyncio.create_task(link.back(there))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for end in (writer, away):
            end.close()
        await link.ended()

    async def reached(self, statement: str, *, of_job: bool) -> str:
        """What to do about *statement*: `pass`, or cut `before` or `after` it."""
        if OUTBOX in statement:
            await self._held.wait()
        cut = self._cut
        if cut is None or cut.done or of_job or POLL in statement or not statement.startswith(cut.only):
            return "pass"
        cut.seen.append(statement)
        cut.done = len(cut.seen) == cut.nth
        if not cut.done:
            return "pass"
        return "after" if cut.after else "before"


class _Link:
    """The two directions of one connection."""

    def __init__(self, proxy: Proxy, *, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._statements: dict[bytes, str] = {}
        self._bound = ""
        self._deaf = False
        self._of_job = False

    async def forth(self, client: asyncio.StreamReader) -> None:
        """From the service to the server, message by message."""
        with suppress(asyncio.IncompleteReadError, OSError):
            size = await client.readexactly(4)
            self._server.write(size + await client.readexactly(struct.unpack("!i", size)[0] - 4))
            while True:
                kind, message = await _message(client)
                verdict = await self._reached(self._statement(kind, message))
                if verdict == "before":
                    return
                self._deaf = self._deaf or verdict == "after"
                self._server.write(kind + message)
                await self._server.drain()

    async def back(self, server: asyncio.StreamReader) -> None:
        """From the server to the service, until what it says is not to be heard."""
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                kind, message = await _message(server)
                if self._deaf and kind == b"Z":
                    return
                if not self._deaf:
                    self._client.write(kind + message)
                    await self._client.drain()

    async def _reached(self, statement: str) -> str:
        if not statement:
            return "pass"
        of_job = self._of_job or any(one in statement for one in JOBS)
        self._of_job = of_job and not statement.startswith(("COMMIT", "ROLLBACK"))
        return await self._proxy.reached(statement, of_job=of_job)

    def _statement(self, kind: bytes, message: bytes) -> str:
        """The SQL that *message* executes; the empty text when it executes none."""
        fields = message[4:].split(b"\0")
        if kind == b"P":
            self._statements[fields[0]] = fields[1].decode()
        if kind == b"B":
            self._bound = self._statements.get(fields[1], "?")
        if kind == b"Q":
            return fields[0].decode()
        return self._bound if kind == b"E" else ""

    async def ended(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                await end.wait_closed()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """A message's type, and its length with its body."""
    head = await reader.readexactly(5)
    return head[:1], head[1:] + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


@asynccontextmanager
async def proxy(server: Path, folder: Path) -> AsyncIterator[Proxy]:
    """Listen in *folder* for what is meant for *server*."""
    made = Proxy(server)
    listening = await asyncio.start_unix_server(made.carry, folder / SOCKET)
    try:
        yield made
    finally:
        listening.close()
        await listening.wait_closed()
