"""Reads the settings, or refuses: one sentence per fault on standard error, exit code 2, never a traceback."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn, TypeAlias

import typer
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from app.settings import Settings
from app.settings.draft import Draft
from app.settings.unsafe import unsafe

Judge: TypeAlias = Callable[[Settings], Iterable[str]]
PREFIX = "GATEHOUSE_"
BETWEEN_SENTENCES = re.compile(rf"(?<=\.) (?={PREFIX})")
_NAMES = re.compile(rf"{PREFIX}\w+")


def refuse(*sentences: str) -> NoReturn:
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(2)


def read_settings(*judges: Judge) -> Settings:
    settings, faults = try_settings(*judges)
    if settings is None:
        refuse(*faults)
    return settings


def try_settings(*judges: Judge) -> tuple[Settings | None, list[str]]:
    """Return the settings, or a sentence per fault. *judges* look for further faults in what could be read."""
    try:
        faults = list(_faults(Draft(), [unsafe, *judges]))
    except SettingsError as refused:
        told = str(refused)
        return None, [f"{told}." if told.startswith(PREFIX) else f"{PREFIX}…: {told}. Lists are `a,b` or JSON."]
    return (None, faults) if faults else (Settings(), [])


def _faults(draft: Draft, judges: Iterable[Judge]) -> Iterator[str]:
    """Yield a sentence per fault, but none about a variable that had one before: it only follows from that."""
    told = list(dict.fromkeys(f"{_variable(fault)}: {_message(fault)}." for fault in draft.refused))
    yield from told
    for judge in judges:
        named = [name for sentence in told for name in _NAMES.findall(sentence)[:1]]
        found = [sentence for said in judge(draft) for sentence in BETWEEN_SENTENCES.split(said)]
        further = [sentence for sentence in found if not _follows(sentence, named)]
        yield from further
        told += further


def _follows(sentence: str, named: Iterable[str]) -> bool:
    """Say whether *sentence* names one of *named* or a setting in it: a group may be at fault as a whole."""
    return any(f"{name}__".startswith(f"{before}__") for name in _NAMES.findall(sentence) for before in named)


def _message(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return "there is no such setting"
    return fault["msg"].removeprefix("Value error, ").rstrip(".")


def _variable(fault: ErrorDetails) -> str:
    """Name the setting's variable: group and name; any further parts of `loc` say which alternative or item."""
    return PREFIX + "__".join(part.upper() for part in fault["loc"][:2] if isinstance(part, str))
