"""Whatever comes in, a log line is one line, says when and where, and keeps every secret."""

import asyncio
import io
import json
import logging
from collections.abc import Callable
from contextvars import copy_context
from typing import Any
from uuid import UUID

import pytest

from app.settings.groups import LogSettings
from app.watch.logs import bind_request_id, bind_session_id, configure, logger
from app.watch.redaction import HIDDEN

Lines = Callable[[], list[dict[str, Any]]]


HOSTILE = 'a\r\nb\x1b[2J\0\u2028\u202e\x85"}{"level":"fake"}'


def test_a_line_says_when_where_and_what(lines: Lines) -> None:
    logger("app.flows").info("signed_in", factor="sms", ms=3.5, user=UUID(int=7), missing=None, mfa=True)

    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "source": "app.flows", "event": "signed_in", "factor": "sms", "ms": 3.5,
        "user": "00000000-0000-0000-0000-000000000007", "missing": None, "mfa": True,
    }  # fmt: skip


def test_libraries_go_the_same_way(lines: Lines) -> None:
    logging.getLogger("sqlalchemy.pool").warning("Connection %s of %s", 3, "anna@example.com", stack_info=True)
    logging.getLogger("alembic").info("Running upgrade")

    first, second = lines()
    assert (first["source"], first["level"], first["event"]) == (
        "sqlalchemy.pool",
        "warning",
        f"Connection 3 of {HIDDEN}",
    )
    assert (second["source"], second["event"]) == ("alembic", "Running upgrade")


def test_uvicorn_goes_the_same_way_but_for_its_paths(lines: Lines) -> None:
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.addHandler(logging.StreamHandler(io.StringIO()))
    uvicorn.propagate = False
    configure(LogSettings(), json=True, stream=logging.getLogger().handlers[0].stream)  # type: ignore[attr-defined]

    uvicorn.info("Started server process [%d]", 4242)
    logging.getLogger("uvicorn.access").info('GET /dev/inbox?to=%2B15550100 "200"')

    assert [line["event"] for line in lines()] == ["Started server process [4242]"]


def test_below_the_level_nothing_is_written(stream: io.StringIO) -> None:
    configure(LogSettings(level="WARNING"), json=True, stream=stream)

    logger("app").info("quiet")
    logging.getLogger("lib").info("quiet")
    logger("app").warning("loud")

    assert stream.getvalue().count("\n") == 1


def test_a_chatty_library_is_quiet_even_when_we_are_not(lines: Lines) -> None:
    logging.getLogger("urllib3.connectionpool").debug("POST /v1/Account/x/Message/")

    assert lines() == []


def test_a_logger_made_before_the_configuration_follows_it(stream: io.StringIO) -> None:
    early = logger("app.early")
    configure(LogSettings(), json=True, stream=stream)

    early.info("late")

    assert json.loads(stream.getvalue())["source"] == "app.early"


def test_a_logger_that_has_written_follows_the_next_configuration(stream: io.StringIO) -> None:
    log, first = logger("app.early"), io.StringIO()
    configure(LogSettings(), json=True, stream=first)
    log.info("one")
    configure(LogSettings(level="WARNING"), json=False, stream=stream)

    log.info("quiet")
    log.warning("two")

    assert json.loads(first.getvalue())["event"] == "one"
    assert stream.getvalue().rstrip().endswith("warning two source=app.early")


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("log", [
    lambda text: logger("app").info(text),
    lambda text: logger("app").info("x", agent=text, nested={text: [text]}),
    lambda text: logging.getLogger("lib").warning("kid %s", text),
])  # fmt: skip
def test_a157_a_line_stays_one_line_whatever_comes_in(
    stream: io.StringIO, as_json: bool, log: Callable[[str], None]
) -> None:
    configure(LogSettings(), json=as_json, stream=stream)

    log(HOSTILE)

    text = stream.getvalue()
    assert text.endswith("\n")
    assert text[:-1].isprintable()
    assert "fake" in text
    if as_json:
        assert json.loads(text)["level"] in {"info", "warning"}


@pytest.mark.parametrize(
    "text",
    ["\x7f", "half \ud83d of a pair", '\U0001f600 " \\ \t é', "".join(map(chr, [*range(32), 0x7F, 0x9B, 0xFFFF]))],
)
def test_whatever_a_text_holds_it_is_told_in_ascii_and_read_as_it_was(
    lines: Lines, stream: io.StringIO, text: str
) -> None:
    logger("app").info("x", agent=text, nested={text: [text]}, least=-(2**64) + 1, small=1e-7, yes=True, none=None)

    (line,) = lines()
    assert stream.getvalue().isascii()
    assert stream.getvalue().rstrip("\n").isprintable()
    assert (line["agent"], line["nested"]) == (text, {text: [text]})
    assert (line["least"], line["small"], line["yes"], line["none"]) == (-(2**64) + 1, 1e-7, True, None)


def _fail(secret: str) -> None:
    try:
        int(secret)
    except ValueError as error:
        raise LookupError(f"DETAIL: Key (email)=({secret})") from error


def test_an_error_is_told_by_type_and_frames_not_by_its_words(lines: Lines) -> None:
    try:
        _fail("hunter2")
    except LookupError:
        logger("app").exception("broken")
        logging.getLogger("lib").exception("broken")

    for line in lines():
        told = line["exception"]
        assert (line["level"], told["type"], told["cause"]["type"]) == (
            "error",
            "builtins.LookupError",
            "builtins.ValueError",
        )
        assert told["frames"][-1].startswith("tests/watch/test_logs.py:")
        assert told["frames"][-1].endswith(" _fail")
    assert len(lines()) == 2
    assert "hunter2" not in json.dumps(lines())


def test_for_the_eye_a_line_has_its_frames_below(stream: io.StringIO) -> None:
    configure(LogSettings(), json=False, stream=stream)

    logger("app").info("plain", factor="sms")
    try:
        _fail("hunter2")
    except LookupError:
        logger("app").exception("broken")

    plain, broken, *frames = stream.getvalue().splitlines()
    assert plain.endswith("info    plain source=app factor=sms")
    assert broken.endswith("error   broken source=app")
    assert [frame.strip() for frame in frames if not frame.startswith("    ")] == [
        "builtins.LookupError",
        "builtins.ValueError",
    ]
    assert "hunter2" not in stream.getvalue()


def test_a_line_that_cannot_be_formatted_does_not_print_its_arguments(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("lib").warning("%d", "hunter2")

    assert lines() == []
    assert "hunter2" not in capsys.readouterr().err


def test_every_line_of_a_request_names_it(lines: Lines) -> None:
    def request(name: str) -> None:
        bind_request_id(name)
        logger("app").info("ours")
        logging.getLogger("lib").info("theirs")

    for name in ("first-00", "second-0"):
        copy_context().run(request, name)
    copy_context().run(logger("app").info, "outside")

    assert [line.get("request_id") for line in lines()] == ["first-00", "first-00", "second-0", "second-0", None]


async def test_what_a_request_starts_names_it_too(lines: Lines) -> None:
    async def request(name: str) -> None:
        bind_request_id(name)
        await asyncio.to_thread(logger("app").info, "in a thread")

    await asyncio.gather(asyncio.create_task(request("first-00")), asyncio.create_task(request("second-0")))

    assert sorted(line["request_id"] for line in lines()) == ["first-00", "second-0"]


def test_a_line_names_the_session_from_where_it_is_known_and_the_next_request_forgets_it(lines: Lines) -> None:
    session = UUID(int=7)

    def answer() -> None:
        bind_request_id("first")
        logger("app").info("before")
        bind_session_id(session)
        logger("app").info("within")
        logging.getLogger("lib").warning("and the libraries'")
        logger("app").info("of another", session_id=UUID(int=8))
        bind_request_id("second")
        logger("app").info("after")

    copy_context().run(answer)

    told = [line.get("session_id") for line in lines()]
    assert told == [None, str(session), str(session), str(UUID(int=8)), None]
