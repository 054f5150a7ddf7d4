"""JSON as strict as RFC 8259 allows a reader to be: what two parsers could read differently is refused."""

import json
import math
import re
from codecs import BOM_UTF8
from typing import Any

MAX_DEPTH = 8
_LONE_SURROGATE_OR_NUL = re.compile("[\ud800-\udfff\0]")


class NotStrict(ValueError):  # noqa: N818  named as what it tells
    """The body is refused. The message has words of this module and positions in the body, never its content."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("a name stands twice in one object")
    return found


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise NotStrict("a number is out of range")
    return number


def _refuse(_literal: str) -> float:
    raise NotStrict("NaN and Infinity are not JSON")


def _refuse_text(text: str) -> None:
    if _LONE_SURROGATE_OR_NUL.search(text):
        raise NotStrict("a text holds NUL or a lone surrogate")


def _walk(value: object, depth: int) -> None:
    if isinstance(value, str):
        _refuse_text(value)
    if not isinstance(value, dict | list):
        return
    if depth == MAX_DEPTH:
        raise NotStrict(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for name in value:
            _refuse_text(name)
    for child in value.values() if isinstance(value, dict) else value:
        _walk(child, depth + 1)


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)


def parse(body: bytes) -> Any:  # noqa: ANN401  JSON may be anything
    """Read *body*, which must be UTF-8 without a byte order mark. Raises NotStrict for anything that is not strict JSON."""
    if body.startswith(BOM_UTF8):
        raise NotStrict("it begins with a byte order mark")
    try:
        value = _decoder.decode(body.decode())
        _walk(value, 0)
    except NotStrict:
        raise
    except UnicodeDecodeError as fault:
        raise NotStrict(f"not UTF-8 at byte {fault.start + 1}") from None
    except json.JSONDecodeError as fault:
        raise NotStrict(f"not JSON at character {fault.pos + 1}") from None
    except RecursionError:
        raise NotStrict(f"nested deeper than {MAX_DEPTH}") from None
    except ValueError:  # raised by `int` for thousands of digits
        raise NotStrict("a number is out of range") from None
    return value
