"""Reads files of users line by line, never whole: JSON lines, or CSV with a header. A fault concerns its line alone.

CSV columns are the fields of a JSON line, with `totp_secret`, `totp_algorithm`, `totp_digits` and `totp_period` for
`totp`. Law: a line within CSV quotes is never read as a user, for it may be part of a name that somebody chose.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from app import strict_json
from app.flows.import_users import Line

LONGEST, _DIGITS = 16_384, 3
_BOM = b"\xef\xbb\xbf"
_QUOTE = b'"'
_SPREADS = "It is a part of a value of several lines: none is taken."
_LOST = "The line is no CSV, and a quote was open: nothing from here on was read."
_TOTP = "totp_"
_TOTP_COLUMNS = tuple(f"{_TOTP}{name}" for name in ("secret", "algorithm", "digits", "period"))
_TEXTS = ("email", "password_hash", "display_name", "locale", "created_at", "phone")
_FLAGS = {"email_verified", "disabled"}
_BROKEN = re.compile("[\0\ud800-\udfff]")
_WORDS = {"true": True, "1": True, "false": False, "0": False}
COLUMNS = frozenset({*_TEXTS, *_FLAGS, *_TOTP_COLUMNS})


class UnreadableFile(ValueError):  # noqa: N818  reads as the sentence it is
    """The file is not one of users: the message says why."""


def read_lines(path: Path, file: BinaryIO) -> Iterator[Line]:
    """Read JSON lines or CSV, by the file's suffix. Raises UnreadableFile for another, or for an unknown header."""
    if path.suffix in {".jsonl", ".ndjson"}:
        return _json_lines(file)
    if path.suffix == ".csv":
        return _csv_lines(file)
    raise UnreadableFile("The file's name ends neither in .jsonl nor in .csv.")


def _pieces(file: BinaryIO) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line with its number of quotes; None in the place of a line longer than LONGEST."""
    first = True
    while piece := file.readline(LONGEST + 1):
        is_whole = piece.endswith(b"\n") or len(piece) <= LONGEST
        rest, quotes = piece, piece.count(_QUOTE)
        while not is_whole and rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST)
            quotes += rest.count(_QUOTE)
        yield (piece.removeprefix(_BOM) if first else piece) if is_whole else None, quotes
        first = False


def _json_lines(file: BinaryIO) -> Iterator[Line]:
    for number, (piece, _) in enumerate(_pieces(file), 1):
        if piece is None:
            yield Line(number, fault=f"The line is longer than {LONGEST} bytes.")
        elif piece.strip():
            yield _json_line(number, piece)


def _json_line(number: int, piece: bytes) -> Line:
    try:
        return Line(number, strict_json.parse(piece))
    except ValueError as reason:
        return Line(number, fault=f"The line is no strict JSON: {reason}.")


def _csv_lines(file: BinaryIO) -> Iterator[Line]:
    reader = csv.reader(_texts(file), strict=True)
    records = _records(reader)
    header = next(records, (None, None))[1] or []
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or "email" not in header or len(set(header)) < len(header):
        raise UnreadableFile(f"The first line names columns, each once, among: {', '.join(sorted(COLUMNS))}.")
    return _rows(records, header)


def _texts(file: BinaryIO) -> Iterator[str]:
    """Decode lines. What is too long or not UTF-8 becomes a text that no row accepts, of the same parity of quotes."""
    for piece, quotes in _pieces(file):
        too_long = '\udcff,"\n' if quotes % 2 else "\udcff\n"
        yield too_long if piece is None else piece.decode(errors="surrogateescape")


def _records(reader: Any) -> Iterator[tuple[range, list[str] | None]]:  # noqa: ANN401  csv names no type for it
    """Yield the line numbers of each row, and the row, or None if it is no CSV."""
    while True:
        before = reader.line_num
        row: list[str] | None = None
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            pass
        yield range(before + 1, reader.line_num + 1), row


def _rows(records: Iterable[tuple[range, list[str] | None]], header: list[str]) -> Iterator[Line]:
    """Turn rows into lines, up to a malformed one of several lines: then nobody knows what is within quotes."""
    for numbers, row in records:
        first, last = numbers[0], numbers[-1]
        if first < last:
            yield from (Line(number, fault=_SPREADS) for number in range(first, last))
            yield Line(last, fault=_LOST if row is None else _SPREADS)
        elif row is None:
            yield Line(first, fault="The line is no CSV.")
        elif row:
            yield _row(first, row, header)
        if first < last and row is None:
            return


def _row(number: int, row: list[str], header: Iterable[str]) -> Line:
    names = list(header)
    if len(row) != len(names):
        return Line(number, fault=f"The line has {len(row)} values, the header {len(names)}.")
    if any(map(_BROKEN.search, row)):
        return Line(number, fault=f"The line is not UTF-8, or longer than {LONGEST} bytes.")
    given = {name: value for name, value in zip(names, row, strict=True) if value}
    totp = {name.removeprefix(_TOTP): _number(value) for name, value in given.items() if name in _TOTP_COLUMNS}
    told = {name: _typed(name)(value) for name, value in given.items() if name not in _TOTP_COLUMNS}
    return Line(number, told | ({"totp": totp | {"secret": given.get("totp_secret")}} if totp else {}))


def _typed(name: str) -> Callable[[str], object]:
    return _flag if name in _FLAGS else str


def _flag(text: str) -> object:
    return _WORDS.get(text.strip().lower(), text)


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else text
