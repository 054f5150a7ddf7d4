"""Numbers for app-store reviewers and staging: no SMS is sent to them, and their code is always the same, until a date."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr

from app.settings.types import E164_PATTERN, Group

LONGEST = timedelta(days=90)
"""How far ahead an end may lie in production: a review is over by then, and what is forgotten ends by itself."""
_NAME = "GATEHOUSE_SMS__TEST_NUMBERS"
_SIX_DIGITS = re.compile(r"[0-9]{6}", re.ASCII)


def _six_digits(code: SecretStr) -> SecretStr:
    if not _SIX_DIGITS.fullmatch(code.get_secret_value()):
        raise ValueError("must be six digits, in a text")
    return code


class FixedCode(Group):
    """The code of one number; from *until* on it is a number like any other."""

    number: Annotated[str, Field(pattern=E164_PATTERN)]
    code: Annotated[SecretStr, AfterValidator(_six_digits)]
    until: AwareDatetime | None = None

    def stands(self, number: str, *, at: datetime) -> bool:
        return self.number == number and (self.until is None or at < self.until)


def fixed_code(numbers: Iterable[FixedCode], number: str, *, at: datetime) -> FixedCode | None:
    return next((fixed for fixed in numbers if fixed.stands(number, at=at)), None)


def of_test_numbers(numbers: tuple[FixedCode, ...], *, in_development: bool) -> Iterator[str]:
    """What is wrong with them at any time."""
    if len({fixed.number for fixed in numbers}) < len(numbers):
        yield f"{_NAME}: each number stands there once."
    if not in_development and any(fixed.until is None for fixed in numbers):
        yield f"{_NAME}: in production each needs an end, such as 2031-01-31T00:00:00Z, in `until`."


def refuse_lasting(numbers: Iterable[FixedCode], *, now: datetime) -> None:
    """Raises ValueError for an end that lies too far ahead for production."""
    if any(fixed.until is not None and fixed.until - now > LONGEST for fixed in numbers):
        raise ValueError(f"{_NAME}: in production `until` may lie {LONGEST.days} days ahead at most.")
