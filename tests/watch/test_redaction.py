"""A value is hidden for its name or for its look, and whatever it is costs little."""

import builtins
import json
import logging
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
import sqlalchemy.exc
from pydantic import SecretStr

from app.watch.logs import logger
from app.watch.redaction import HIDDEN, MOST_CHARACTERS, clean_text, told_by_operator

Lines = Callable[[], list[dict[str, Any]]]


JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"


REFRESH = "ghr_AZqk3f8yc1WbP0Q1nE5mVgAAAAHk2mXwq7V1xJm2p0Zs9QkLr4TtYu6Bc8Nd3Ef5Gh7Ij"


ODD = {
    "surrogate": "\ud800",
    "nan": float("nan"),
    "infinity": float("inf"),
    "huge": 10**5000,
    "bytes": b"\xff",
    "object": object(),
    "numbered": {1: {2: 3}},
    "set": {1, 2},
}


@pytest.mark.parametrize("kind", ODD)
def test_a157_what_json_cannot_hold_is_no_lost_line(lines: Lines, kind: str) -> None:
    logger("app").info("odd", value=ODD[kind])

    assert lines()[0]["event"] == "odd"


def test_a_value_that_cannot_describe_itself_is_told_by_its_kind(lines: Lines) -> None:
    class Sulky:
        def __str__(self) -> str:
            raise RuntimeError("hunter2")

    logger("app").info("odd", value=Sulky(), error=ValueError("hunter2"), raw=b"hunter2")

    assert [lines()[0][name] for name in ("value", "error", "raw")] == ["Sulky", "ValueError", "bytes"]


@pytest.mark.parametrize("name", [
    "password", "new_password", "code", "otp", "mfa_token", "accessToken", "SMS_TEXT", "authorization", "Set-Cookie",
    "phone", "phone_number", "secret_keys", "email", "body", "smtpPassword",
])  # fmt: skip
@pytest.mark.parametrize("value", ["hunter2", 123456, ["hunter2"], {"a": "hunter2"}, SecretStr("hunter2")])
def test_a_value_is_hidden_for_its_name(lines: Lines, name: str, value: Any) -> None:
    logger("app").info("x", **{name: value}, inside={name: [value]})

    assert lines()[0][name] == HIDDEN
    assert lines()[0]["inside"] == {name: HIDDEN}


def test_names_that_only_sound_secret_are_kept(lines: Lines) -> None:
    logger("app").info("x", status_code=200, decoder="json", tokenizer="x", code=None, has_password=True)

    assert {
        "status_code": 200,
        "decoder": "json",
        "tokenizer": "x",
        "code": None,
        "has_password": True,
    }.items() <= lines()[0].items()


@pytest.mark.parametrize("secret", [
    JWT, f"Bearer {JWT}", REFRESH, "+12025550123", "anna.o'neil+x@sub.example.com", "123456", "code=123456",
    "Your code is 123456.", "postgresql+asyncpg://gatehouse:hunter2@db/gatehouse", "9f86d081884c7d659a2feaa0c55ad015",
    "dGhpcyBpcyAxMjggYml0cyE",
    "duplicate key\nDETAIL:  Key (email)=(anna) already exists.",
    "<Task finished exception=IntegrityError('anna')>", "[parameters: ('anna',)]",
])  # fmt: skip
def test_a_value_is_hidden_for_its_look(lines: Lines, secret: str) -> None:
    logger("app").info(f"seen {secret} there", value=secret, nested=[{"deep": secret}])
    logging.getLogger("lib").warning("seen %s there", secret)

    text = json.dumps(lines())
    for piece in (JWT, REFRESH, "12025550123", "sub.example", "123456", "hunter2", "9f86d081", "dGhpcyBp", "anna"):
        assert piece not in text


@pytest.mark.parametrize("text", [
    "2026-11-21T20:24:17.123456Z", "0.123456 s", "e4eaaaf2-d142-11e1-b3e4-080027620cdd", "1234567", "HTTP 200", "/verify-otp/challenge",
    "a_sentence_like_function_name_of_a_test_without_capitals", "sqlalchemy.ext.asyncio.AsyncEngine",
])  # fmt: skip
def test_what_only_looks_a_little_like_a_secret_is_kept(text: str) -> None:
    assert clean_text(text) == text


def test_an_error_s_name_is_kept(lines: Lines) -> None:
    """An operator who is told that the database is gone wants to know how."""
    kinds = [*vars(asyncpg).values(), *vars(builtins).values(), *vars(sqlalchemy.exc).values()]
    errors = [kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]
    names = {name for name in errors if name.endswith("Error")}
    assert {"ConnectionRefusedError", "ConnectionDoesNotExistError", "TooManyConnectionsError"} < names
    for name in names:
        logging.getLogger("gatehouse.store").warning("gone", extra={"error": name})
        logging.getLogger("somebody's").warning("gone: %s", name)
    told = [(line["event"], line.get("error")) for line in lines()]
    assert told == [entry for name in names for entry in (("gone", name), (f"gone: {name}", None))]


@pytest.mark.parametrize("text", ["ConnectionRefusedErrors", "ConnectionRefused1Error", "xConnection_RefusedError"])
def test_what_only_begins_or_ends_like_one_is_not(text: str) -> None:
    assert clean_text(text) == HIDDEN


@pytest.mark.parametrize(("text", "shown"), [
    ("GET", "GET"), ("OPTIONS", "OPTIONS"), ("AbCdEfGhIjKlMnOpQrStU", "AbCdEfGhIjKlMnOpQrStU"),
    ("AbCdEfGhIjKlMnOpQrStUv", HIDDEN), ("abcdefghijklmnopqrstuV", HIDDEN), ("a@b", HIDDEN),
])  # fmt: skip
def test_a_word_of_letters_is_kept_until_it_is_as_long_as_chance(text: str, shown: str) -> None:
    assert clean_text(text) == shown


@pytest.mark.parametrize(("words", "shown"), [
    ("INC-104233", "INC-104233"), ("lost phone (INC-104233).", "lost phone (INC-104233)."), ("OPS-1, HELP-998877", "OPS-1, HELP-998877"),
    ("104233", HIDDEN), ("code 104233 of INC-104233", f"code {HIDDEN} of INC-104233"), ("G-104233", f"G-{HIDDEN}"),
    ("INC-104233@b.example", HIDDEN), ("ada:AB-104233@db", HIDDEN), ("mail.INC-104233@b.example", HIDDEN), ("+12025550123", HIDDEN),
    ("INC-104233-aBcDeFgHiJkLmNoPq", HIDDEN), ("DETAIL: INC-104233", HIDDEN), ("inc-104233", f"inc-{HIDDEN}"),
    ("AB-12025550123", "AB-12025550123"), ("INC-1" * 10**3, None),
])  # fmt: skip
def test_an_operators_words_may_name_a_ticket(lines: Lines, words: str, shown: str | None) -> None:
    logger("app").info("told", reason=told_by_operator(words))
    (line,) = lines()
    assert len(line["reason"]) <= MOST_CHARACTERS
    assert shown in {None, line["reason"]}


def test_lines_and_what_they_cost_are_bounded(lines: Lines) -> None:
    for flood in ("x" * 10**6, "aB" * 10**5, "a@" * 10**5, "ey" * 10**5, "+1" * 10**5):
        logger("app").info("flood", value=flood, many=[flood] * 1000, deep=_nested(1000))

    assert all(len(json.dumps(line)) < 60 * MOST_CHARACTERS for line in lines())


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_database_s_error_is_told_by_its_sqlstate(lines: Lines) -> None:
    class Native(Exception):  # noqa: N818
        sqlstate = "23505"

    class Wrapped(Exception):  # noqa: N818
        orig = Native("DETAIL:  Key (email)=(anna) already exists.")

    logger("app").error("native", exc_info=Native())
    logger("app").error("wrapped", exc_info=Wrapped())

    assert [line["exception"]["sqlstate"] for line in lines()] == ["23505", "23505"]


def test_a_group_of_errors_and_a_long_chain_are_told_in_part(lines: Lines) -> None:
    chain = Exception("0")
    for number in range(20):
        chain, inner = Exception(str(number)), chain
        chain.__cause__ = inner

    logger("app").error("many", exc_info=ExceptionGroup("hunter2", [ValueError("x")] * 10 + [chain]))
    logger("app").error("long", exc_info=chain)
    logger("app").error("none", exc_info=True)

    many, long, none = lines()
    assert [one["type"] for one in many["exception"]["errors"]] == ["builtins.ValueError"] * 5
    assert json.dumps(long).count('"type"') == 6
    assert "exception" not in none


def test_hidden_context_stays_hidden(lines: Lines) -> None:
    try:
        try:
            int("x")
        except ValueError:
            raise LookupError("y") from None
    except LookupError as error:
        logger("app").error("broken", exc_info=error)

    assert "cause" not in lines()[0]["exception"]
