"""The environment, read; or a refusal: one sentence a fault on standard error, exit code 2, never a traceback."""

import re
from collections.abc import Iterator
from typing import NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from app.settings import Settings

PREFIX = "GATEHOUSE_"
BETWEEN_SENTENCES = re.compile(rf"(?<=\.) (?={PREFIX})")


def refuse(*sentences: str) -> NoReturn:
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(2)


def read_settings() -> Settings:
    settings, faults = try_settings()
    if settings is None:
        refuse(*faults)
    return settings


def try_settings() -> tuple[Settings | None, list[str]]:
    """The settings, or a sentence for each fault of theirs."""
    try:
        return Settings(), []
    except ValidationError as refused:
        return None, list(dict.fromkeys(_sentences(refused)))
    except SettingsError as refused:
        told = str(refused)
        return None, [f"{told}." if told.startswith(PREFIX) else f"{PREFIX}…: {told}. Lists are `a,b` or JSON."]


def _sentences(refused: ValidationError) -> Iterator[str]:
    for fault in refused.errors(include_url=False, include_context=False, include_input=False):
        message = _message(fault)
        if fault["loc"]:
            yield f"{_variable(fault)}: {message}."
        else:
            yield from BETWEEN_SENTENCES.split(message)


def _message(fault: ErrorDetails) -> str:
    if fault["type"] == "extra_forbidden":
        return "there is no such setting"
    return fault["msg"].removeprefix("Value error, ").rstrip(".") + ("" if fault["loc"] else ".")


def _variable(fault: ErrorDetails) -> str:
    """A setting lies at most two deep: group and name; what follows says which alternative or item."""
    return PREFIX + "__".join(part.upper() for part in fault["loc"][:2] if isinstance(part, str))
