"""Bodies that two readers could read differently, or that cost more than they should, never reach a route."""

import gzip
from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

GOOD = b'{"email":"anna@example.com","password":"long enough"}'


JSON = {"Content-Type": "application/json"}


async def refused(client: AsyncClient, body: bytes, headers: dict[str, str] = JSON) -> tuple[int, str]:
    answer = await client.post("/people", content=body, headers=headers)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
async def test_a_strict_body_is_taken(client: AsyncClient, media_type: str) -> None:
    answer = await client.post("/people", content=GOOD, headers={"Content-Type": media_type})

    assert (answer.status_code, answer.json()) == (201, {"taken": True})


@pytest.mark.parametrize("name", ["email", r"e\u006dail"])
async def test_a119_a_name_that_stands_twice_is_refused(client: AsyncClient, name: str) -> None:
    body = f'{{"email":"a@example.com","{name}":"b@example.com","password":"long enough"}}'.encode()

    assert await refused(client, body) == (400, "malformed_request")


@pytest.mark.parametrize("number", ["9" * 5000, "1e400", "-1e400"])
async def test_a121_a_number_that_is_no_number_any_more_cannot_be_read(client: AsyncClient, number: str) -> None:
    body = GOOD[:-1] + f',"age":{number}}}'.encode()

    assert await refused(client, body) == (400, "malformed_request")


@pytest.mark.parametrize("number", ["9223372036854775808", "-1", "9" * 4000, "1.5"])
async def test_a121_a_number_out_of_bounds_is_invalid(client: AsyncClient, number: str) -> None:
    body = GOOD[:-1] + f',"age":{number}}}'.encode()

    assert await refused(client, body) == (422, "validation_failed")


async def test_a121_minus_zero_is_zero(client: AsyncClient) -> None:
    answer = await client.post("/people", content=GOOD[:-1] + b',"age":-0}', headers=JSON)

    assert answer.status_code == 201


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
async def test_a122_nan_and_infinity_are_refused_not_a_crash(client: AsyncClient, literal: str) -> None:
    assert await refused(client, f'{{"email":{literal}}}'.encode()) == (400, "malformed_request")


@pytest.mark.parametrize(
    "body",
    [GOOD.decode().encode(name) for name in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig")]
    + [b'{"email":"\xff"}', b'{"email":"\xed\xa0\x80"}'],
)
async def test_a124_only_utf_8_without_a_mark_is_read(client: AsyncClient, body: bytes) -> None:
    assert await refused(client, body) == (400, "malformed_request")


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "latin-1", "utf-8; charset=utf-16"])
async def test_a124_another_charset_is_another_media_type(client: AsyncClient, charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}

    assert await refused(client, GOOD, headers) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/evil+json",
        "application/json, text/plain",
        "application/jsonx",
        "",
    ],
)
async def test_a125_json_under_another_name_is_not_read(client: AsyncClient, media_type: str) -> None:
    assert await refused(client, GOOD, {"Content-Type": media_type}) == (415, "unsupported_media_type")


async def test_a125_json_under_no_name_or_two_is_not_read(client: AsyncClient) -> None:
    twice = [("Content-Type", "application/json")] * 2

    nameless = await client.post("/people", content=GOOD)
    two_names = await client.post("/people", content=GOOD, headers=twice)

    assert (nameless.status_code, two_names.status_code) == (415, 415)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity", "gzip, gzip"])
async def test_a127_a_compressed_body_is_never_inflated(client: AsyncClient, coding: str) -> None:
    bomb = gzip.compress(b" " * 5_000_000)

    assert await refused(client, bomb, {**JSON, "Content-Encoding": coding}) == (415, "unsupported_media_type")


async def test_a076_a_body_over_the_limit_is_refused_by_its_announcement(client: AsyncClient) -> None:
    assert await refused(client, b" " * (16 * 1024 + 1)) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("length", "answer"), [("9" * 30, (413, "payload_too_large")), ("-1", (400, "malformed_request"))]
)
async def test_a076_an_absurd_announcement_is_refused_unread(
    client: AsyncClient, length: str, answer: tuple[int, str]
) -> None:
    assert await refused(client, GOOD, {**JSON, "Content-Length": length}) == answer


async def test_a076_a_body_that_announces_nothing_is_cut_off_at_the_limit(client: AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1000:
            sent += 1
            yield b" " * 1024

    answer = await client.post("/people", content=endless(), headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert sent <= 18


async def test_a_route_without_a_body_does_not_read_one(client: AsyncClient) -> None:
    read = False

    async def unread() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield b"{"

    answer = await client.patch("/me", content=unread(), headers={"Content-Type": "application/evil+json"})

    assert answer.json() == {"changed": True}
    assert not read


async def test_a_body_that_may_be_left_out_may_be_empty(client: AsyncClient) -> None:
    assert (await client.post("/logout")).status_code == 204


@pytest.mark.parametrize("depth", [9, 5000, 16_000])
async def test_deep_nesting_is_refused(client: AsyncClient, depth: int) -> None:
    assert await refused(client, b"[" * depth) == (400, "malformed_request")


async def test_nine_levels_are_one_too_many(client: AsyncClient) -> None:
    def nested(depth: int) -> bytes:
        return b"[" * depth + b"]" * depth

    assert await refused(client, nested(9)) == (400, "malformed_request")
    assert await refused(client, nested(8)) == (422, "validation_failed")


@pytest.mark.parametrize("text", [r"a\u0000b", r"\ud800", r"\udfff\ud800", "a\0b"])
async def test_nul_and_lone_surrogates_are_refused_not_a_crash(client: AsyncClient, text: str) -> None:
    as_value = f'{{"email":"{text}"}}'.encode()
    as_name = f'{{"{text}":1}}'.encode()

    assert await refused(client, as_value) == (400, "malformed_request")
    assert await refused(client, as_name) == (400, "malformed_request")


@pytest.mark.parametrize(
    "body", [b"{", b"{} {}", b"{'a':1}", b'{"a":1,}', b"// no\n{}", b'{"a":01}', b'"\t"', b"\xef\xbb\xbf{}"]
)
async def test_what_is_almost_json_is_refused(client: AsyncClient, body: bytes) -> None:
    assert await refused(client, body) == (400, "malformed_request")


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (f'{{"{SECRET}":1,"{SECRET}":2}}', "a name stands twice in one object"),
        (f'{{"email":"{SECRET}","age":NaN}}', "NaN and Infinity are not JSON"),
        (f'{{"email":"{SECRET}","age":1e400}}', "a number is out of range"),
        (f'{{"email":"{SECRET}","age":{"9" * 5000}}}', "a number is out of range"),
        (f'{{"email":"{SECRET}\\u0000"}}', "a text holds NUL or a lone surrogate"),
        (f'\ufeff{{"email":"{SECRET}"}}', "it begins with a byte order mark"),
        ("[" * 9 + f'"{SECRET}"' + "]" * 9, "nested deeper than 8"),
        (f'{{"email":"{SECRET}"', "not JSON at character 26"),
        (f'{{"email":"\\{SECRET}"}}', "not JSON at character 11"),
        (SECRET, "not JSON at character 1"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_told_why_and_never_quoted(client: AsyncClient, body: str, detail: str) -> None:
    answer = await client.post("/people", content=body.encode(), headers=JSON)

    assert (answer.status_code, answer.json()["detail"]) == (400, f"The body is no strict JSON: {detail}.")
    assert "hunter2" not in answer.text
    assert "9999" not in answer.text


async def test_a_body_that_is_no_utf_8_is_told_where(client: AsyncClient) -> None:
    answer = await client.post("/people", content=b'{"email":"\xff"}', headers=JSON)

    assert answer.json()["detail"] == "The body is no strict JSON: not UTF-8 at byte 11."


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"Content-Type": "text/plain"}, "Send one Content-Type, `application/json`."),
        ({}, "Send one Content-Type, `application/json`."),
        ({"Content-Type": "application/json; charset=latin-1"}, "Send UTF-8: `application/json` may have no parameter but `charset=utf-8`."),
        ({"Content-Type": "application/json;"}, "Send UTF-8: `application/json` may have no parameter but `charset=utf-8`."),
        ({**JSON, "Content-Encoding": "gzip"}, "Send the body as it is: without Content-Encoding."),
    ],
    ids=str,
)  # fmt: skip
async def test_a_415_tells_whether_it_is_the_type_the_charset_or_the_encoding(
    client: AsyncClient, headers: dict[str, str], detail: str
) -> None:
    answer = await client.post("/people", content=GOOD, headers=headers)

    assert (answer.status_code, answer.json()["detail"]) == (415, detail)
