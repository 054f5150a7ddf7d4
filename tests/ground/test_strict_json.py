"""What two parsers could read differently, or what would hurt further in, is not JSON here; and no refusal quotes it."""

import re
import time

import pytest

from app.strict_json import MAX_DEPTH, NotStrict, parse


def refused(body: bytes) -> str:
    with pytest.raises(NotStrict, match=r".") as refusal:
        parse(body)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
    return str(refusal.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b"[]", []),
        (b'""', ""),
        (b"null", None),
        (b"true", True),
        (b" \t\r\n{ } \n", {}),
        (b'{"a":{"b":[1,-2,3.5,1e3,null,false]}}', {"a": {"b": [1, -2, 3.5, 1000.0, None, False]}}),
        ('{"é":"🐎"}'.encode(), {"é": "🐎"}),
        (rb'{"\u00e9":"\ud83d\udc0e"}', {"é": "🐎"}),
        (rb'"\u2028\u202e\ufeff\u007f"', "\u2028\u202e\ufeff\x7f"),
        (b'{"a":1,"A":2," a":3}', {"a": 1, "A": 2, " a": 3}),
        (b"-0", 0),
        (b"9223372036854775808", 2**63),
    ],
)
def test_json_is_read(body: bytes, value: object) -> None:
    found = parse(body)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"email":"a","email":"b"}',
        b'{"email":"a","email":"a"}',
        rb'{"email":"a","\u0065mail":"b"}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b'[{"a":1,"a":1}]',
        b'{"":1,"":2}',
    ],
)
def test_a119_a_name_stands_once(body: bytes) -> None:
    assert refused(body) == "a name stands twice in one object"


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"-NaN", b"+1", b"undefined"])
def test_a122_there_is_no_nan(literal: bytes) -> None:
    refused(b'{"email":' + literal + b"}")
    refused(literal)


@pytest.mark.parametrize("literal", [b"1e400", b"-1e400", b"1E999", b"1" + b"0" * 400 + b".0", b"1e" + b"9" * 5000])
def test_a121_a_number_is_finite(literal: bytes) -> None:
    assert refused(b"[" + literal + b"]") == "a number is out of range"


def test_a121_an_integer_too_long_to_read_is_refused() -> None:
    assert refused(b'{"n":' + b"9" * 5000 + b"}") == "a number is out of range"


@pytest.mark.parametrize("literal", [b"01", b"-01", b"0x1", b"1.", b".5", b"1e", b"1_000", b"--1", b"\xd9\xa1"])
def test_a121_a_number_is_written_as_json_writes_it(literal: bytes) -> None:
    refused(b"[" + literal + b"]")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-7", "utf-8-sig"])
def test_a124_it_is_utf_8_without_a_mark(encoding: str) -> None:
    refused('{"email":"é"}'.encode(encoding) if encoding != "utf-7" else b"+AHsAfQ-")


@pytest.mark.parametrize(
    "text", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9", b"\x80"], ids=bytes.hex
)
def test_a124_broken_utf_8_is_refused(text: bytes) -> None:
    assert refused(b'{"email":"' + text + b'"}') == "not UTF-8 at byte 11"


@pytest.mark.parametrize("text", [rb"\u0000", rb"\ud800", rb"\udc00", rb"\udc0e\ud83d", rb"\ud83d", rb"a\u0000b"])
@pytest.mark.parametrize("body", ['{"email":"%s"}', '{"%s":1}', '["%s"]', '"%s"', '[{"a":{"%s":[]}}]'])
def test_a098_no_text_holds_nul_or_half_a_character(body: str, text: bytes) -> None:
    assert refused(body.encode() % text) == "a text holds NUL or a lone surrogate"


@pytest.mark.parametrize("letter", [b"\0", b"\n", b"\t", b"\x1f", b"\x1b"], ids=bytes.hex)
def test_control_characters_are_escaped(letter: bytes) -> None:
    refused(b'{"a":"' + letter + b'"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b"[1,]",
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1}{"b":2}',
        b'{"a":1} x',
        b"{}\0",
        b"/* */{}",
        b"{}//",
        b"True",
        b"None",
        b'"\\x41"',
        b'"\\u12"',
        b'"\\u+123"',
        b'"open',
        b"\x0b{}",
        b"\xc2\xa0{}",
        b"email=a&password=b",
        b"<x/>",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert re.fullmatch(r"not JSON at character \d+", refused(body))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", 1),
        (b"nonsense", 1),
        (b'{"a":1,}', 8),
        (b"{'a':1}", 2),
        ('{"é":1}'.encode() + b" x", 9),
        (b'{"a":\n x}', 8),
    ],
)
def test_the_place_is_told_where_it_is_json_no_more(body: bytes, where: int) -> None:
    assert refused(body) == f"not JSON at character {where}"


def test_a124_a_byte_order_mark_is_named() -> None:
    assert refused(b"\xef\xbb\xbf{}") == "it begins with a byte order mark"


def nested(depth: int) -> list[bytes]:
    return [b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth]


def test_nesting_has_a_limit() -> None:
    for body in nested(MAX_DEPTH):
        parse(body)
    for body in nested(MAX_DEPTH + 1):
        assert refused(body) == "nested deeper than 8"


@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_a029_endless_nesting_is_refused_and_not_an_accident(depth: int) -> None:
    began = time.thread_time()
    for body in nested(depth):
        refused(body)
    refused(b"[" * depth)
    refused(b'{"a":' * depth)
    assert time.thread_time() - began < 1


def test_a_refusal_quotes_nothing() -> None:
    secret = "hunter2hunter2"
    bodies = (
        f'{{"password":"{secret}"',
        f'{{"{secret}":1,"{secret}":2}}',
        f'{{"{secret}":NaN}}',
        f'{{"{secret}\\u0000":1}}',
        f'"{secret}\\ud800"',
        f"{secret}",
        f'{{"p":"{secret}"}} {secret}',
        f'{{"p":"\\x{secret}"}}',
    )
    for body in bodies:
        assert secret not in refused(body.encode())
    assert secret not in refused(secret.encode() + b"\xff")
    assert "4711" not in refused(b"4711" * 2000)
