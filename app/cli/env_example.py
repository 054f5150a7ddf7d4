"""`gatehouse env-example`: every variable with what it is for and its default, generated, so it cannot fall behind."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import get_args

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from app.settings import Settings

HEADING = """\
# Every variable of Gatehouse with its default; made by `gatehouse env-example`, so change app/settings/ instead.
# Durations are seconds or ISO 8601 (PT5M); lists are `a,b` or JSON; limits are 5/minute;20/hour.
#
# `cp .env.example .env` is for `docker compose`, which alone reads that file. `make run` and `gatehouse` read the
# environment: `GATEHOUSE_HTTP__PORT=8019 make run`.

# Not of Gatehouse, and wanted by compose.yaml: the password of its PostgreSQL, letters and digits.
#POSTGRES_PASSWORD="""


def env_example() -> None:
    """Print .env.example."""
    print(document(), end="")


def document() -> str:
    fields = Settings.model_fields.items()
    parts = [HEADING, *_variables("GATEHOUSE_", [(name, field) for name, field in fields if group_of(field) is None])]
    for name, field in fields:
        if group := group_of(field):
            parts += [
                f"## {name}: {group.__doc__}",
                *_variables(f"GATEHOUSE_{name.upper()}__", group.model_fields.items()),
            ]
    return "\n\n".join(parts) + "\n"


def group_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _variables(prefix: str, fields: Iterable[tuple[str, FieldInfo]]) -> Iterator[str]:
    for name, field in fields:
        variable = f"{prefix}{(field.alias or name).upper()}"
        yield "\n".join([*_comment(field), f"#{variable}={text_of(field.default)}"])


def _comment(field: FieldInfo) -> Iterator[str]:
    if field.description:
        yield f"# {field.description}"
    choices = list(_choices(field.annotation))
    if len(choices) > 1:
        yield f"# One of: {', '.join(choices)}."


def _choices(annotation: object) -> Iterator[str]:
    for part in get_args(annotation):
        yield from [part] if isinstance(part, str) else _choices(part)


def text_of(default: object) -> str:
    """Write a default as an environment variable would hold it."""
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(map(text_of, default))
    if isinstance(default, timedelta):
        return str(TypeAdapter(timedelta).dump_python(default, mode="json"))
    return str(default).lower() if isinstance(default, bool) else str(default)
