"""The types of display names and locales: one rule, whoever sets them."""

import unicodedata
from typing import Annotated

from pydantic import BeforeValidator, Field

from app.problems.fields import says

_LONGEST = 100
_MOST_THAT_NFC_SHORTENS = 4


def _tidy(name: object) -> object:
    """Trim a name and normalise it to NFC; a blank one becomes None. One that is too long anyway stays: NFC is quadratic."""
    if not isinstance(name, str) or len(name) > _MOST_THAT_NFC_SHORTENS * _LONGEST:
        return name
    return unicodedata.normalize("NFC", name).strip() or None


Locale = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$",
        description="BCP 47; messages are written in the nearest language there is.",
        examples=["en", "de-AT"],
    ),
    says("Must be a language tag (BCP 47), such as en or de-AT."),
]
DisplayName = Annotated[
    str | None,
    Field(
        max_length=_LONGEST,
        pattern=r"^([^\p{C}\p{Zl}\p{Zp}]|[\u200C\u200D])*$",
        description="Trimmed, in Unicode's NFC, without control characters. Null or blank: none.",
        examples=["Ada"],
    ),
    BeforeValidator(_tidy),
    says("Must not hold control characters."),
]
