"""The shipped nginx example in front of the service: what it refuses never arrives, and what arrives is what it understood.

Whatever a request says of itself, it is read once: the canary that is hidden in another one never runs.
"""

import asyncio
import json
import ssl
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.problems import catalogue
from tests.attack.nginx import NAME, NGINX, TRUST_THE_PROXY_BEFORE, Nginx, example, nginx
from tests.attack.people import PASSWORD, Person, newcomer
from tests.attack.processes import until
from tests.attack.service import Service, free_port, serving

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(NGINX is None, reason="no nginx on this machine: apt-get install nginx-light"),
]

HOST = f"Host: {NAME}\r\n".encode()
CANARY = b"GET /problems/internal_error HTTP/1.1\r\n" + HOST + b"\r\n"
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[Service]:
    told = {"GATEHOUSE_HTTP__TRUSTED_PROXIES": "127.0.0.1", "GATEHOUSE_HTTP__PUBLIC_URL": f"https://{NAME}"}
    async with serving(workers=2, **told) as running:
        yield running


@pytest.fixture(scope="module")
async def front(service: Service) -> AsyncIterator[Nginx]:
    async with nginx(service) as running:
        yield running


def encoded(method: str, path: str, *headers: str, body: Any = None, token: str = "") -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {NAME}", "Connection: close", *headers]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if content else []
    lines += [f"Authorization: Bearer {token}"] if token else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def head_and_body(content: bytes) -> tuple[str, Any]:
    head, _, body = content.partition(b"\r\n\r\n")
    return head.decode("latin-1").lower(), json.loads(body) if body else None


def canaries(service: Service) -> int:
    return service.log.read_text().count('"/problems/{code}"')


async def test_a131_the_canary_would_be_seen_if_it_ran(service: Service, front: Nginx) -> None:
    before = canaries(service)
    answer = await front.send(CANARY)

    assert answer.statuses == [200]
    assert canaries(service) == before + 1


def chunked(body: bytes, *, extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n0\r\n\r\n" % (len(body), extension, body)


def posted(*headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /login HTTP/1.1\r\n" + HOST + JSON + b"".join(line + b"\r\n" for line in headers) + b"\r\n" + body


HIDDEN = b"0\r\n\r\n" + CANARY
LENGTH = b"Content-Length: %d" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked"
SMUGGLED = {
    "CL.TE": posted(LENGTH, CHUNKED, body=HIDDEN),
    "TE.CL": posted(CHUNKED, b"Content-Length: 4", body=chunked(CANARY)),
    "TE.TE, one of them unknown": posted(CHUNKED, b"Transfer-Encoding: identity", body=HIDDEN),
    "TE.TE, twice the same": posted(CHUNKED, CHUNKED, body=HIDDEN),
    "a list of codings": posted(b"Transfer-Encoding: gzip, chunked", LENGTH, body=HIDDEN),
    "an unknown coding": posted(b"Transfer-Encoding: xchunked", LENGTH, body=HIDDEN),
    "a tab before the coding": posted(b"Transfer-Encoding:\tchunked", LENGTH, body=HIDDEN),
    "a vertical tab before the coding": posted(b"Transfer-Encoding: \x0bchunked", LENGTH, body=HIDDEN),
    "a quoted coding": posted(b'Transfer-Encoding: "chunked"', LENGTH, body=HIDDEN),
    "a blank before the colon": posted(b"Transfer-Encoding : chunked", LENGTH, body=HIDDEN),
    "a name with an underscore": posted(b"Transfer_Encoding: chunked", LENGTH, body=HIDDEN),
    "a name after a bare CR": posted(b"X: y\rTransfer-Encoding: chunked", LENGTH, body=HIDDEN),
    "a name after a bare LF": posted(b"X: y\nTransfer-Encoding: chunked", LENGTH, body=HIDDEN),
    "a folded coding": posted(b"Transfer-Encoding:\r\n chunked", LENGTH, body=HIDDEN),
    "a folded line": posted(b"X: y\r\n Transfer-Encoding: chunked", LENGTH, body=HIDDEN),
    "2xCL, the first is short": posted(b"Content-Length: 0", LENGTH, body=HIDDEN),
    "2xCL, the last is short": posted(LENGTH, b"Content-Length: 0", body=HIDDEN),
    "2xCL, the same": posted(LENGTH, LENGTH, body=HIDDEN),
    "CL as a list": posted(b"Content-Length: 0, %d" % len(HIDDEN), body=HIDDEN),
    "CL with a sign": posted(b"Content-Length: +%d" % len(HIDDEN), body=HIDDEN),
    "CL in hexadecimal": posted(b"Content-Length: 0x%x" % len(HIDDEN), body=HIDDEN),
    "CL beyond 64 bits": posted(b"Content-Length: 18446744073709551616", body=HIDDEN),
    "CL below nothing": posted(b"Content-Length: -1", body=HIDDEN),
    "CL with an underscore": posted(b"Content_Length: 0", LENGTH, body=HIDDEN),
    "a chunk with an extension": posted(CHUNKED, body=chunked(CANARY, extension=b";a=b\n5")),
    "a chunk extension with quotes": posted(CHUNKED, body=chunked(CANARY, extension=b';a="' + b"x" * 100 + b'"')),
    "a chunk size with a sign": posted(CHUNKED, body=b"+" + chunked(CANARY)),
    "a chunk size in bare LF": posted(CHUNKED, body=b"%x\n" % len(CANARY) + CANARY + b"\n0\n\n"),
    "a chunk size beyond 64 bits": posted(CHUNKED, body=b"f" * 17 + b"\r\n" + CANARY),
    "a trailer": posted(CHUNKED, body=b"0\r\nContent-Length: 5\r\nX: " + CANARY.replace(b"\r\n", b"  ") + b"\r\n\r\n"),
    "a request line with CR": b"GET /session HTTP/1.1\r" + HOST + b"X: " + CANARY,
    "bare LF everywhere": posted(LENGTH, body=HIDDEN).replace(b"\r\n", b"\n", 5),
    "HTTP/1.0 with chunks": posted(CHUNKED, LENGTH, body=HIDDEN).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "a body where none is read": posted(LENGTH, body=HIDDEN).replace(b"POST /login", b"GET /session", 1),
    "an upgrade": posted(b"Connection: Upgrade", b"Upgrade: h2c", LENGTH, body=HIDDEN),
    "an expectation": posted(b"Expect: 100-continue", LENGTH, body=HIDDEN),
    "another connection's header": posted(b"Connection: Content-Length", LENGTH, body=HIDDEN),
}


@pytest.mark.parametrize("request_", SMUGGLED.values(), ids=SMUGGLED)
async def test_a131_one_request_is_one_request_however_it_is_framed(
    service: Service, front: Nginx, request_: bytes
) -> None:
    before = canaries(service)
    answer = await front.send(request_, quiet=0.4)
    final = [status for status in answer.statuses if status != 100]

    assert len(final) <= 1, answer.content
    assert not final or final[0] >= 400
    assert canaries(service) == before


async def test_a131_after_all_of_it_everybody_gets_their_own_answer(service: Service, front: Nginx) -> None:
    """A piece that was left over in a connection to the service would be in front of somebody's request."""
    before = canaries(service)
    await asyncio.gather(*(front.send(request_, quiet=0.4) for request_ in SMUGGLED.values()))
    answers = [await front.send(encoded("GET", "/session")) for _ in range(40)]

    assert [answer.statuses for answer in answers] == [[401]] * 40
    assert canaries(service) == before


async def listed(front: Nginx, person: Person) -> list[str]:
    answer = await front.send(encoded("GET", "/me/sessions", token=person.access_token))
    items = head_and_body(answer.content)[1]["items"]
    return [item["network"] for item in items]


async def signed_in(front: Nginx, person: Person, *headers: str, source: str) -> None:
    body = {"email": person.email, "password": PASSWORD}
    answer = await front.send(encoded("POST", "/login", *headers, body=body), source=source)
    person.keep(head_and_body(answer.content)[1])


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-For: 203.0.113.7, 127.0.0.1",
        "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 127.0.0.1",
        "X_Forwarded_For: 203.0.113.7",
        "X-Real-IP: 203.0.113.7",
        "Forwarded: for=203.0.113.7",
        "Connection: X-Forwarded-For",
    ],
)
async def test_a082_a_client_of_nginx_cannot_choose_its_address(service: Service, front: Nginx, header: str) -> None:
    """Each test comes from an address of its own: its connection's is believed because nginx is a trusted proxy."""
    ada = await newcomer(service)
    await signed_in(front, ada, header, source="127.0.0.9")

    assert (await listed(front, ada))[0] == "127.0.0.9"


async def test_a082_a_proxy_before_nginx_is_believed_once_it_is_named(service: Service) -> None:
    async with nginx(service, TRUST_THE_PROXY_BEFORE) as behind:
        ada = await newcomer(service)
        await signed_in(behind, ada, "X-Forwarded-For: 203.0.113.7, 198.51.100.4", source="127.0.0.9")

        assert (await listed(behind, ada))[0] == "198.51.100.4"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (encoded("GET", "/session", "X-Fat: " + "x" * 9_000), 431, "headers_too_large"),
        (encoded("GET", "/session", *(f"X-{n}: " + "x" * 900 for n in range(20))), 431, "headers_too_large"),
        (encoded("POST", "/login", body={"email": "x" * 17_000}), 413, "payload_too_large"),
        (posted(b"Content-Length: 1000000000000"), 413, "payload_too_large"),
        (posted(CHUNKED, body=chunked(b" " * 17_000)), 413, "payload_too_large"),
        (encoded("GET", "/" + "x" * 9_000), 414, None),
        (encoded("TRACE", "/session"), 405, "method_not_allowed"),
    ],
)
async def test_what_is_too_large_is_refused_with_its_reason(
    front: Nginx, request_: bytes, status: int, code: str | None
) -> None:
    answer = await front.send(request_)

    assert answer.statuses == [status]
    if code:
        head, problem = head_and_body(answer.content)
        assert (problem["code"], problem["status"]) == (code, status)
        assert (problem["type"], problem["title"]) == (f"https://{NAME}/problems/{code}", catalogue()[code].title)
        assert "content-type: application/problem+json" in head
        for header in ("x-content-type-options", "strict-transport-security", "content-security-policy", "no-store"):
            assert head.count(header) == 1


@pytest.mark.parametrize(
    "path",
    [
        *("/metrics", "/readyz", "/livez", "/dev/inbox", "/.git/config", "/.env"),
        *("//readyz", "/./readyz", "/x/../readyz", "/%72eadyz", "/readyz?x=1", "/readyz%00", "/readyz/", "/READYZ"),
        *("/dev/inbox;x", "/dev/../dev/inbox"),
    ],
)
async def test_a145_what_is_for_those_inside_is_not_there(front: Nginx, path: str) -> None:
    answer = await front.send(encoded("GET", path))

    assert answer.statuses in ([404], [400])


@pytest.mark.parametrize(
    "head",
    [
        f"GET http://{NAME}/session HTTP/1.1\r\nHost: {NAME}",
        f"GET http://evil.example/session HTTP/1.1\r\nHost: {NAME}",
        f"GET /session HTTP/1.1\r\nHost: {NAME}\r\nHost: {NAME}",
        f"GET /session HTTP/1.1\r\nHost: user@{NAME}",
        f"GET /session HTTP/1.1\r\nHost: {NAME}/x",
        f"GET /session HTTP/1.0\r\nHost: {NAME}",
        "GET /session HTTP/1.1",
        "GET /session HTTP/1.0",
        "GET /session HTTP/1.1\r\nHost: evil.example",
        "GET /session HTTP/1.1\r\nHost: 127.0.0.1",
    ],
)
async def test_a130_another_host_or_none_is_refused_or_dropped(front: Nginx, head: str) -> None:
    answer = await front.send(f"{head}\r\n\r\n".encode())

    assert answer.statuses in ([], [400])
    assert answer.closed


async def test_a130_without_the_name_there_is_not_even_a_certificate(front: Nginx) -> None:
    for name in (None, "evil.example"):
        with pytest.raises(OSError, match=r"(?i)unrecognized"):
            await front.open(name=name)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_whoever_speaks_no_current_tls_is_not_spoken_to(front: Nginx, newest: ssl.TLSVersion) -> None:
    speaking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    speaking.check_hostname, speaking.verify_mode = False, ssl.CERT_NONE
    speaking.set_ciphers("ALL:@SECLEVEL=0")
    speaking.maximum_version = ssl.TLSVersion.TLSv1_2
    _, writer = await asyncio.open_connection("127.0.0.1", front.port, ssl=speaking, server_hostname=NAME)
    writer.close()
    with warnings.catch_warnings(action="ignore"):  # Python says that these are old, and that is the point
        speaking.minimum_version = speaking.maximum_version = newest
    with pytest.raises(OSError, match=r"(?i)alert"):
        await asyncio.open_connection("127.0.0.1", front.port, ssl=speaking, server_hostname=NAME)


@pytest.mark.parametrize(
    "upgrade",
    [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    ],
)
async def test_a148_an_upgrade_is_an_ordinary_request(front: Nginx, upgrade: str) -> None:
    answer = await front.send(f"GET /session HTTP/1.1\r\nHost: {NAME}\r\n{upgrade}\r\n\r\n".encode())

    assert answer.statuses == [401]


async def test_a_flood_at_the_doors_meets_a_wall_and_the_neighbour_does_not(front: Nginx) -> None:
    attempt = encoded("POST", "/login", body={"email": "x", "password": "x"})
    answers = await asyncio.gather(*(front.send(attempt, source="127.0.0.3") for _ in range(60)))
    neighbour = await front.send(attempt, source="127.0.0.4")

    statuses = [answer.statuses[0] for answer in answers]
    assert 21 <= statuses.count(422) <= 45
    assert statuses.count(422) + statuses.count(429) == 60
    head, problem = head_and_body(next(answer.content for answer in answers if answer.statuses == [429]))
    assert (problem["code"], problem["title"]) == ("rate_limited", catalogue()["rate_limited"].title)
    assert "retry-after: 5" in head
    assert neighbour.statuses == [422]


async def test_one_network_has_a_hundred_requests_at_a_time_and_the_neighbour_its_own(front: Nginx) -> None:
    begun = b"POST /token/refresh HTTP/1.1\r\n" + HOST + JSON + b"Content-Length: 2\r\n\r\n{"
    answers = await asyncio.gather(*(front.send(begun, source="127.0.0.5", quiet=3) for _ in range(110)))
    statuses = [status for answer in answers for status in answer.statuses]

    assert statuses == [429] * 10
    assert (await front.send(encoded("GET", "/session"), source="127.0.0.6")).statuses == [401]


async def test_without_the_service_nginx_says_so_in_the_services_words(service: Service) -> None:
    nobody = {"server 127.0.0.1:8000;": f"server 127.0.0.1:{free_port()};"}
    async with nginx(service, nobody) as alone:
        answer = await alone.send(encoded("GET", "/session"))

    head, problem = head_and_body(answer.content)
    assert (answer.statuses, problem["code"], problem["title"]) == (
        [503],
        "overloaded",
        catalogue()["overloaded"].title,
    )
    assert "retry-after: 2" in head


async def test_the_wall_counts_a_whole_ipv6_network_as_one(service: Service) -> None:
    def attempt(address: str) -> bytes:
        return encoded("POST", "/login", f"X-Forwarded-For: {address}", body={"email": "x", "password": "x"})

    async with nginx(service, TRUST_THE_PROXY_BEFORE) as behind:
        for start in ("2001:db8:1:2:", "2001:db8::"):
            flood = (behind.send(attempt(f"{start}a:b:c:{n:x}")) for n in range(1, 61))
            statuses = [answer.statuses[0] for answer in await asyncio.gather(*flood)]
            assert statuses.count(429) >= 15
        assert (await behind.send(attempt("2001:db8:1:3::1"))).statuses == [422]


async def test_only_public_documents_are_kept(service: Service, front: Nginx) -> None:
    asked = ("/.well-known/jwks.json", "/session")
    for _ in range(5):
        for path in asked:
            await front.send(encoded("GET", path))
    logged = service.log.read_text()

    assert logged.count('"/.well-known/jwks.json"') == 1
    assert logged.count('"/session"') >= 5
    assert example().count("proxy_cache public;") == 1


async def test_the_doors_where_codes_are_tried_have_the_wall_too(front: Nginx) -> None:
    attempt = encoded("POST", "/verify-email", body={"registration_id": "x"})
    answers = await asyncio.gather(*(front.send(attempt, source="127.0.0.7") for _ in range(60)))
    assert [answer.statuses[0] for answer in answers].count(429) >= 15


async def test_the_log_holds_no_token_of_a_receipt(front: Nginx) -> None:
    log = front.folder / "access.log"
    await front.send(encoded("POST", "/webhooks/plivo/hunter2", body={}))
    await until(lambda: '"path":"/webhooks/plivo/-"' in log.read_text(), "it is logged")

    assert "hunter2" not in log.read_text()


async def test_the_log_holds_no_query_and_no_header(front: Nginx) -> None:
    await front.send(encoded("GET", "/session?hunter2", "User-Agent: hunter2", "Referer: hunter2", token="hunter2"))
    lines = (front.folder / "access.log").read_text()

    assert '"path":"/session"' in lines
    assert "hunter2" not in lines
