"""A128: who sends or reads a byte now and then is cut off after the time that examples/nginx says, and others are served."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from tests.attack.measured import measured
from tests.attack.nginx import ANY, NAME, NGINX, Nginx, nginx
from tests.attack.service import serving

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(NGINX is None, reason="no nginx on this machine: apt-get install nginx-light"),
]

HOST = f"Host: {NAME}\r\n".encode()
HEADERS, PAUSE, SLACK = 10.0, 5.0, 3.0
"""`client_header_timeout`, `client_body_timeout` and `send_timeout` of the example; what a busy machine may add."""
CROWD = 80
"""Fewer than `limit_conn` allows one network, so that it is the time that ends them."""
Slow = Callable[[Nginx], Awaitable[float]]


@pytest.fixture(scope="module")
async def front() -> AsyncIterator[Nginx]:
    async with serving(workers=1) as service, nginx(service) as running:
        yield running


async def _until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip: bytes, every: float) -> float:
    """Send a byte of *drip* now and then, and say after how many seconds the other side had enough."""
    began, sent = time.monotonic(), 0
    while time.monotonic() - began < HEADERS + 4 * SLACK:
        try:
            if not await asyncio.wait_for(reader.read(65_536), every):
                break
        except TimeoutError:
            writer.write(drip[sent : sent + 1])
            sent += 1
        except OSError:
            break
    writer.transport.abort()
    return time.monotonic() - began


async def slow_headers(front: Nginx) -> float:
    reader, writer = await front.open()
    writer.write(b"GET /session HTTP/1.1\r\n")
    return await _until_closed(reader, writer, b"X-Slow: " + b"x" * 100, 1.0)


async def slow_body(front: Nginx) -> float:
    reader, writer = await front.open()
    writer.write(
        b"POST /token/refresh HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    return await _until_closed(reader, writer, b" " * 100, 10.0)


async def no_handshake(front: Nginx) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    return await _until_closed(reader, writer, b"\x16\x03\x01\x02\x00" + b"x" * 100, 2.0)


@pytest.mark.parametrize(("slow", "limit"), [(slow_headers, HEADERS), (slow_body, PAUSE), (no_handshake, HEADERS)])
async def test_a128_a_crowd_of_slow_clients_is_cut_off_and_others_are_served(
    front: Nginx, slow: Slow, limit: float
) -> None:
    waits: list[float] = []
    crowd = asyncio.gather(*(slow(front) for _ in range(CROWD)))
    while not crowd.done():
        began = time.monotonic()
        answer = await front.send(b"GET /session HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", quiet=3)
        waits.append(time.monotonic() - began)
        assert answer.statuses == [401]
        await asyncio.sleep(0.2)
    lives = await crowd

    measured(f"{slow.__name__}: {CROWD} cut off after {max(lives):.1f} s; others waited {max(waits):.2f} s at most")
    assert limit / 2 < min(lives)
    assert max(lives) < limit + SLACK
    assert max(waits) < 2


async def test_a128_who_does_not_read_the_answer_is_cut_off(front: Nginx) -> None:
    """Sixteen megabytes, of which the buffers of both sides take a part; and nobody who reads, or somebody who does."""
    received = await taken(front, after=PAUSE + SLACK)

    measured(f"a client that read nothing for {PAUSE + SLACK:.0f} s got {received} bytes of 16 million")
    assert received < 8_000_000
    assert await taken(front, after=PAUSE - SLACK) > 15_000_000


async def taken(front: Nginx, *, after: float) -> int:
    """How many bytes of ten answers come to a client that does not read before *after* seconds."""
    asked = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\n" + HOST + b"\r\n"
    last = asked.replace(b"HTTP/1.1", b"HTTP/1.1\r\nConnection: close")
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", front.port))
        with ANY.wrap_socket(plain, server_hostname=NAME) as line:
            line.sendall(asked * 9 + last)
            await asyncio.sleep(after)
            return await asyncio.to_thread(_drain, line)


def _drain(line: ssl.SSLSocket) -> int:
    received = 0
    with suppress(OSError):
        while more := line.recv(65_536):
            received += len(more)
    return received
