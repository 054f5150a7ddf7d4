"""What a field says of a text that has not its form: a sentence, where Pydantic would show a pattern."""

import re
from typing import Any, LiteralString

from pydantic import BeforeValidator, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

SAID = "said"
"""The type of an error whose message was written here, and may be shown."""

_PLAIN_ID = re.compile("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def says(sentence: LiteralString) -> WrapValidator:
    """Stand behind the field's pattern in its annotation; what else is wrong with a value is told as ever."""

    def judge(text: Any, whole: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401  as it was sent
        try:
            return whole(text)
        except ValidationError as refused:
            if refused.errors(include_input=False)[0]["type"] != "string_pattern_mismatch":
                raise
        raise PydanticCustomError(SAID, sentence)

    return WrapValidator(judge)


def _plain_id(value: Any) -> Any:  # noqa: ANN401  as it was sent
    if isinstance(value, str) and not _PLAIN_ID.fullmatch(value):
        raise PydanticKnownError("uuid_parsing", {"error": "another spelling"})
    return value


PLAIN_ID = BeforeValidator(_plain_id)
"""Stands behind a UUID: as answers spell it (RFC 9562 §4), without `urn:uuid:` or braces."""


def _boolean(value: Any) -> Any:  # noqa: ANN401  as it was sent
    if not isinstance(value, bool):
        raise PydanticKnownError("bool_type")
    return value


BOOLEAN = BeforeValidator(_boolean)
"""Stands behind a literal of true or false: to Python 1 is the same."""
