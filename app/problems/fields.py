"""What a field says of a text that has not its form: a sentence, where Pydantic would show a pattern."""

from typing import Any, LiteralString

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

SAID = "said"
"""The type of an error whose message was written here, and may be shown."""


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
