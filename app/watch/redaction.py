"""What may stand in a log line: a value is hidden for its name, or for its look; an error is told without its text."""

import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import PurePath
from typing import Any

HIDDEN = "[hidden]"
MOST_CHARACTERS = 2000
_MOST_ENTRIES, _DEEPEST, _MOST_FRAMES, _MOST_CAUSES = 50, 5, 20, 5
_MOST_BITS = 64

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORD = re.compile(
    "passwords?|passwd|pwd|passphrase|codes?|otp|totp|pin|seed|tokens?|jwt|secrets?|keys?|mac|signature|authorization|"
    "cookies?|credentials?|dsn|phones?|msisdn|email|mail|destination|recipient|text|body|content|message",
    re.IGNORECASE,
)
_COUNTS = {"signing_keys", "audit_keys"}
_HARMLESS = frozenset({"status_code", "exit_code", "country_code", "error_code", "key_id"} | _COUNTS)

_SECRET_LOOK = re.compile(
    r"""
      eyJ[\w-]{5,}\.[\w.-]+                                                    # a JWT
    | (?<![\w-])(?!(?:[A-Z]+[a-z]+)+Error(?![\w-]))                            # but for what errors are called,
      (?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{22,}                                # 128 random bits and more in base64url
    | (?<!\w)[0-9a-f]{32,}(?!\w)                                               # the same in hex
    | [^\s@"<>(,]{1,254}@[^\s@'"<>),]{1,254}                                    # an e-mail address, a URL's password
    | \+[1-9][0-9]{6,14}                                                       # a phone number (E.164)
    | (?<![\w.])[0-9]{6}(?!\w|\.[0-9])                                         # a one-time code
    | (?:DETAIL:|exception=|\[SQL:|\[parameters:)[\s\S]*                       # PostgreSQL, asyncio and SQLAlchemy quote
    """,
    re.ASCII | re.VERBOSE,
)
_TICKET = r"(?<![\w@.+/-])([A-Z]{2,10}-[0-9]{1,9})(?![\w@-]|\.\w)"
_SECRET_LOOK_OF_WORDS = re.compile(f"{_TICKET}|{_SECRET_LOOK.pattern}", re.ASCII | re.VERBOSE)
_SHORT, _SUSPICIOUS = 32, re.compile(r"[@+0-9A-Z=\[]")
"""A short text without any of these matches nothing above; most texts are such, and every request logs some."""
_WORD_AT_MOST = 21
"""Nor does a word of so many letters, whatever their case."""


@dataclass(frozen=True, slots=True)
class Published:
    """A text that is meant for everybody, though it looks like a secret: it is logged as it is, to its last character."""

    text: str

    def __str__(self) -> str:
        return self.text


def clean(values: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    """The same names with what may be logged of their values: plain JSON types, bounded in size and depth."""
    cleaned: dict[str, Any] = {}
    for name, value in list(values.items())[:_MOST_ENTRIES]:
        shown, is_secret = _name(str(name))
        cleaned[shown] = HIDDEN if is_secret and _says_something(value) else _clean(value, depth)
    return cleaned


def clean_text(text: str) -> str:
    if len(text) <= _WORD_AT_MOST and text.isalpha():
        return text
    if len(text) < _SHORT and not _SUSPICIOUS.search(text):
        return text
    return _SECRET_LOOK.sub(HIDDEN, text[:MOST_CHARACTERS])[:MOST_CHARACTERS]


def told_by_operator(text: str) -> str | Published:
    """An operator's own words, in which the number of a ticket (`INC-104233`) is no code; *text* itself where none is."""
    kept = _SECRET_LOOK_OF_WORDS.sub(lambda found: found[1] or HIDDEN, text[:MOST_CHARACTERS])[:MOST_CHARACTERS]
    return text if kept == clean_text(text) else Published(kept)


def _says_something(value: object) -> bool:
    return value is not None and not isinstance(value, bool)


@lru_cache(maxsize=1024)
def _name(name: str) -> tuple[str, bool]:
    """*name* as it may be shown, and whether what it names is a secret."""
    words = _WORD.findall(name[:100])
    is_secret = name.lower() not in _HARMLESS and any(_SECRET_WORD.fullmatch(word) for word in words)
    return clean_text(name), is_secret


def _clean(value: object, depth: int) -> Any:  # noqa: ANN401, PLR0911  plain JSON, kind by kind
    if type(value) is str and depth < _DEEPEST:  # most are
        return clean_text(value)
    if isinstance(value, Published):
        return value.text
    if value is None or _is_plain_number(value):
        return value
    if depth >= _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return clean(value, depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one, depth + 1) for one in list(value)[:_MOST_ENTRIES]]
    return _described(value)


def _is_plain_number(value: object) -> bool:
    """One that JSON can hold and every reader can take."""
    if isinstance(value, int):
        return value.bit_length() <= _MOST_BITS
    return isinstance(value, float) and isfinite(value)


def _described(value: object) -> str:
    """Bytes and exceptions are told by their kind only: their text is somebody else's."""
    if isinstance(value, bytes | bytearray | memoryview | BaseException):
        return type(value).__name__
    try:
        return clean_text(str(value))
    except Exception:  # noqa: BLE001  a line must not be lost because something cannot describe itself
        return type(value).__name__


def explain(error: BaseException, left: int = _MOST_CAUSES) -> dict[str, Any]:
    """Type, SQLSTATE and frames of *error* and of what caused it; neither its text nor a local value."""
    told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    sqlstate = getattr(error, "sqlstate", None) or getattr(getattr(error, "orig", None), "sqlstate", None)
    if isinstance(sqlstate, str):
        told["sqlstate"] = clean_text(sqlstate)
    told["frames"] = _frames(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and left:
        told["cause"] = explain(cause, left - 1)
    if isinstance(error, BaseExceptionGroup) and left:
        told["errors"] = [explain(one, left - 1) for one in _few(error.exceptions)]
    return told


def _few(errors: Iterable[BaseException]) -> list[BaseException]:
    return list(errors)[:_MOST_CAUSES]


def _frames(error: BaseException) -> list[str]:
    """`store/users.py:40 insert`, the innermost last."""
    walked = list(traceback.walk_tb(error.__traceback__))[-_MOST_FRAMES:]
    return [f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_qualname}" for frame, line in walked]


def _short(filename: str) -> str:
    return "/".join(PurePath(filename).parts[-3:])
