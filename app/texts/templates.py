"""Reads the templates: ours, and an operator's own folder of files of the same form, which override them.

Law: the English text sets what the others must and may hold; a file that breaks this stops the start and is named.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, TypeGuard

from app.texts.last_line import LastLine

FALLBACK = "en"
_SETTING = "GATEHOUSE_TEXTS_DIR"
_LONGEST = {"code": "000000", "minutes": "10"}
_MAY_LACK = {"minutes"}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.ASCII | re.IGNORECASE)
Words = dict[str, str]
"""One text by part: `subject` and `body` of a mail; `body`, and perhaps `short`, of an SMS."""


_FILES = {
    file.name.removesuffix(".toml").lower(): file
    for file in files(__package__).iterdir()
    if file.name.endswith(".toml")
}
LANGUAGES = frozenset(_FILES)
"""The tags of the languages that have a file of ours, in lower case."""


@cache
def ours(language: str) -> dict[str, Words]:
    """Return our texts in one of LANGUAGES, by key; the file is read on first use (decisions/0012)."""
    return tomllib.loads(_FILES[language].read_text(encoding="utf-8"))


def over_ours(folder: Path, *, last_line: LastLine, brand: str) -> dict[str, dict[str, Words]]:
    """Return the folder's texts, which override ours, by language and key. Raises ValueError: what is wrong where."""
    if not folder.is_dir():
        raise ValueError(f"{_SETTING}: {folder} is not a folder.")
    theirs = {file: _read(file) for file in sorted(folder.glob("*.toml"))}
    faults = [
        f"{_SETTING}: {file.name}, {key}: {fault}."
        for file, texts in theirs.items()
        for key, text in texts.items()
        for fault in _faults(key, text, last_line=last_line, brand=brand)
    ]
    if faults:
        raise ValueError(" ".join(faults))
    own: dict[str, dict[str, Words]] = {}
    for file, texts in theirs.items():
        own[file.stem.lower()] = own.get(file.stem.lower(), {}) | texts
    return own


def _read(file: Path) -> dict[str, Any]:
    if not _LANGUAGE.fullmatch(file.stem):
        raise ValueError(f"{_SETTING}: {file.name} is not named for a language, such as de.toml or pt-BR.toml.")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{_SETTING}: {file.name} cannot be read: {error}.") from None


def _faults(key: str, text: object, *, last_line: LastLine, brand: str) -> Iterator[str]:
    english = ours(FALLBACK).get(key)
    if english is None:
        yield "there is no such text"
        return
    if not _has_parts_of(text, english):
        needed = sorted(set(english) - {"short"})
        yield f"it needs {' and '.join(needed)}, texts, and nothing else{'' if 'subject' in english else ' but short'}"
        return
    faults = [fault for part, words in text.items() for fault in _faults_of(part, words, english)]
    yield from faults
    if not faults and "subject" not in english:
        yield from _too_long(text, last_line=last_line, brand=brand)


def _has_parts_of(text: object, english: Words) -> TypeGuard[Words]:
    if not isinstance(text, dict) or not all(isinstance(words, str) for words in text.values()):
        return False
    may = set(english) if "subject" in english else {"body", "short"}
    return set(english) - {"short"} <= set(text) <= may


def _faults_of(part: str, words: str, english: Words) -> Iterator[str]:
    template, may = Template(words), _values(english["body"])
    must = set() if part == "subject" else may - _MAY_LACK
    held = set(template.get_identifiers())
    if not template.is_valid():
        yield f"{part} has a $ that begins no value (write $$ for a dollar sign)"
    yield from (f"{part} lacks ${name}" for name in sorted(must - held))
    yield from (f"{part} has ${name}, which this text is not given" for name in sorted(held - may))
    if not words.strip() or (part == "subject" and not words.isprintable()):
        yield f"{part} is {'not one line' if words.strip() else 'empty'}"


def _values(words: str) -> set[str]:
    return set(Template(words).get_identifiers())


def _too_long(text: Words, *, last_line: LastLine, brand: str) -> Iterator[str]:
    values = {"brand": brand} | _LONGEST
    forms = [Template(words).substitute(values).strip() for words in text.values()]
    code = _LONGEST["code"] if "code" in _values(text["body"]) else None
    if not last_line.fits(last_line.end(forms, code=code), code=code):
        yield "it is longer than one SMS"
