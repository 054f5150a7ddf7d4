"""HTTP as an attacker writes it, straight to `gatehouse serve`: no client library in between that would tidy it up."""

import asyncio

import pytest

from tests.attack.conftest import House
from tests.attack.people import expect, newcomer
from tests.attack.service import Service

pytestmark = pytest.mark.attack

HOST = b"Host: 127.0.0.1\r\n"


async def send(service: Service, request: bytes) -> bytes:
    """Everything that comes back until it is silent for a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(request)
    content = b""
    try:
        while more := await asyncio.wait_for(reader.read(65_536), 0.5):
            content += more
    except TimeoutError:
        pass
    writer.close()
    return content


def statuses(content: bytes) -> list[int]:
    return [int(part[:3]) for part in content.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        HOST + HOST,
        b"Host: 127.0.0.1, 127.0.0.1\r\n",
        b"Host:\r\n",
        b"Host: user@127.0.0.1\r\n",
        b"Host: 127.0.0.1:port\r\n",
        b"Host: 127.0.0.1:80:80\r\n",
        b"Host: 127.0.0.1:123456\r\n",
        b"Host: 127.0.0.1/me\r\n",
        b"Host: http://127.0.0.1\r\n",
        b"Host: [::1\r\n",
        b"Host: 127.0.0.1\xc3\xa9\r\n",
    ],
)
async def test_a130_exactly_one_host_is_needed(house: House, head: bytes) -> None:
    assert statuses(await send(house.service, b"GET /session HTTP/1.1\r\n" + head + b"\r\n")) == [400]


async def test_a130_a_whole_url_in_the_request_line_chooses_nothing(house: House) -> None:
    """RFC 9112 §3.2.2 makes a server take it. Its host is looked at by nobody, and appears nowhere."""
    answer = await send(house.service, b"GET http://evil.example/session HTTP/1.1\r\n" + HOST + b"\r\n")

    assert statuses(answer) == [401]
    assert b"evil.example" not in answer


@pytest.mark.parametrize("line", [b"TRACE /session", b"CONNECT 127.0.0.1:1", b"TRACK /session", b"DEBUG /session"])
async def test_a133_no_method_of_proxies_and_debuggers_is_served(house: House, line: bytes) -> None:
    answer = await send(house.service, line + b" HTTP/1.1\r\n" + HOST + b"X-Secret: hunter2\r\n\r\n")

    assert statuses(answer) in ([405], [400])
    assert b"hunter2" not in answer


@pytest.mark.parametrize(
    "path",
    b"//me /./me /x/../me /%2e%2e/me /.%2e/me /me%00 /me;.json /ME /me/ /me%2f /me/. /me/x.css /me%0d%0aX:y /%6d%65%20"
    b" \\me /me\\ * me".split(),
)
async def test_a134_only_the_exact_path_is_served(house: House, path: bytes) -> None:
    ada = await newcomer(house.service)
    bearer = f"Authorization: Bearer {ada.access_token}\r\n".encode()
    answer = await send(house.service, b"GET " + path + b" HTTP/1.1\r\n" + HOST + bearer + b"\r\n")

    assert statuses(answer) in ([404], [400])
    assert ada.email.encode() not in answer
    assert b"\r\nlocation:" not in answer.lower()


UPGRADES = {
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n",
    "h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
    "tls": b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
}


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
async def test_a148_an_upgrade_is_answered_in_http_1_1_and_what_follows_is_not_run(
    house: House, upgrade: bytes
) -> None:
    """A proxy that takes this for a tunnel would let what follows pass unseen."""
    ada = await newcomer(house.service)
    bearer = f"Authorization: Bearer {ada.access_token}\r\n".encode()
    hidden = b"POST /logout HTTP/1.1\r\n" + HOST + bearer + b"Content-Length: 0\r\n\r\n"
    answer = await send(house.service, b"GET /session HTTP/1.1\r\n" + HOST + bearer + upgrade + b"\r\n" + hidden)

    assert statuses(answer)[0] == 200
    assert b"101 " not in answer
    expect(await ada.session(), 200)
    assert statuses(await send(house.service, hidden)) == [204]  # which would have ended it


async def test_a148_http_2_by_prior_knowledge_is_no_request(house: House) -> None:
    answer = await send(house.service, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9)

    assert statuses(answer) == [400]
