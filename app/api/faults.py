"""Describes failed validations in our words, by the error's type or the field, never by a submitted value or name."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from app.problems import Fault
from app.problems.fields import SAID

MOST = 20
_OTHERWISE = "This value is not acceptable."
_SAID_BY_US = {SAID, "email"}
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

_WORDS = {
    "missing": "This is required.",
    "extra_forbidden": "A field here is not known. The API description lists those that are.",
    "string_too_short": "Must have at least {min_length} characters.",
    "string_too_long": "Must have at most {max_length} characters.",
    "string_pattern_mismatch": "Must match {pattern}.",
    "literal_error": "Must be {expected}.",
    "enum": "Must be {expected}.",
    "union_tag_not_found": "This is required.",
    "union_tag_invalid": "Must be one of {expected_tags}.",
    "greater_than": "Must be more than {gt}.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be at most {le}.",
    "too_short": "Must have at least {min_length} entries.",
    "too_long": "Must have at most {max_length} entries.",
}
_WORDS_BY_FAMILY = {
    "string": "Must be a string.",
    "bool": "Must be true or false.",
    "int": "Must be a whole number.",
    "float": "Must be a number.",
    "uuid": "Must be a UUID.",
    "datetime": "Must be a date and time (RFC 3339).",
    "model": "Must be a JSON object.",
    "dict": "Must be a JSON object.",
    "list": "Must be a JSON array.",
}

_JSON = {"True": "true", "False": "false", "None": "null"}
_PYTHON = re.compile(r"(?<!['\w])(?:True|False|None)(?!['\w])")


def faults(error: RequestValidationError) -> tuple[Fault, ...]:
    """Return each distinct fault once, at most 20 of them."""
    found = dict.fromkeys(Fault(_pointer(one, error.body), _detail(one)) for one in error.errors())
    return tuple(found)[:MOST]


def _detail(one: Mapping[str, Any]) -> str:
    kind, context = one["type"], one.get("ctx") or {}
    if kind in _SAID_BY_US:
        return str(one["msg"])
    if kind in {"too_short", "too_long"} and context.get("field_type") == "Value":  # how Pydantic reports a SecretStr
        kind = f"string_{kind}"
    if kind == "string_too_short" and context.get("min_length") == 1:
        return "Must not be empty."
    words = _WORDS.get(kind) or _WORDS_BY_FAMILY.get(kind.partition("_")[0], _OTHERWISE)
    try:
        # Only what the schema declares is named above: limits, patterns, tags.
        return words.format_map(_as_json(context))
    except KeyError:
        return _OTHERWISE


def _as_json(context: Mapping[str, Any]) -> dict[str, Any]:
    """Spell what is expected as a client would (`true`, `null`): Pydantic spells literals as Python does."""
    if "expected" not in context:
        return dict(context)
    return {**context, "expected": _PYTHON.sub(lambda found: _JSON[found[0]], context["expected"])}


def _pointer(one: Mapping[str, Any], body: object) -> str:
    """Return where the fault is: `#/email` in the body (RFC 6901); `query/to`, `path/id`, `header/x` for a parameter.

    The sender chose the name of an unknown field, so the pointer then ends at the object that holds the field.
    """
    kind, (place, *path) = one["type"], one["loc"]
    if kind == "extra_forbidden":
        path = path[:-1]
    steps = path if place != "body" else _walk(path, body, declared_last=kind == "missing")
    if kind.startswith("union_tag"):
        steps = [*steps, one["ctx"]["discriminator"].strip("'")]
    names = [str(step) for step in steps]
    if not all(isinstance(step, int) or _PLAIN_NAME.fullmatch(step) for step in steps):
        names = []
    return "/".join(["#" if place == "body" else place, *names])


def _walk(path: Sequence[str | int], body: object, *, declared_last: bool) -> list[str | int]:
    """Keep what is in the *body* of Pydantic's *path*: the tag of a union is a step there, but not in the JSON."""
    steps: list[str | int] = []
    here: Any = body
    for at, step in enumerate(path, start=1):
        inside = step in here if isinstance(here, dict) else isinstance(here, list) and isinstance(step, int)
        if inside:
            here = here[step]
        if inside or (declared_last and at == len(path)):
            steps.append(step)
    return steps
