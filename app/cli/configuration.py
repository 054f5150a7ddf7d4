"""`gatehouse configuration`: docs/configuration.md, generated from the settings, so that it cannot fall behind."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Annotated, Literal, TypeAlias, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.cli.env_example import group_of, text_of
from app.settings import Settings

Fields: TypeAlias = Iterable[tuple[str, FieldInfo]]

HEADING = """\
# Configuration

Made by `gatehouse configuration > docs/configuration.md` from `app/settings/`; a test keeps it true.

Environment variables. A *duration* is seconds or ISO 8601 (`PT5M`); a *list* is `a,b` or JSON; a limit is written
`5/minute;20/hour`, each window once. A *secret* is never printed. What is unset has no default. Values that cannot
work, names with two underscores that are no setting, and in production what is unsafe stop the start with a sentence
for each; `gatehouse doctor` tells of the rest. The README's table is what production must set."""
_COLUMNS = "| variable | type | default | what it is |\n|---|---|---|---|"
_NAMES: dict[object, str] = {str: "text", int: "number", float: "number", Decimal: "number", bool: "`true` or `false`"}
_NAMES |= {timedelta: "duration", datetime: "time, ISO 8601", SecretStr: "secret", dict: "JSON", Path: "path"}


def configuration() -> None:
    """Print docs/configuration.md."""
    print(document(), end="")


def document() -> str:
    fields = Settings.model_fields.items()
    parts = [HEADING, _table("GATEHOUSE_", [(name, field) for name, field in fields if group_of(field) is None])]
    for name, field in fields:
        if group := group_of(field):
            section = _table(f"GATEHOUSE_{name.upper()}__", group.model_fields.items())
            parts += [f"## {name}", *_wrapped(group.__doc__ or ""), section]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> Iterator[str]:
    """Put each sentence on a line of its own, so that no line is wider than an editor."""
    yield text.replace(". ", ".\n")


def _table(prefix: str, fields: Fields) -> str:
    return "\n".join([_COLUMNS, *(_row(f"{prefix}{(field.alias or name).upper()}", field) for name, field in fields)])


def _row(variable: str, field: FieldInfo) -> str:
    default = text_of(field.default)
    shown = f"`{default}`" if default else ""
    cells = (f"`{variable}`", _type(field.annotation), shown, field.description or "")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _type(annotation: object) -> str:
    """Name a type as the environment writes it. `X | None` is X: the default says that it may be unset."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(parts[0])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in parts)
    if origin is tuple:
        return f"list of {_type(parts[0])}"
    if origin is dict:
        return "JSON"
    if parts:
        return ", or ".join(_type(part) for part in parts if part is not NoneType)
    return _NAMES.get(annotation, "JSON")
