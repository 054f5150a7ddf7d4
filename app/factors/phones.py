"""Phone numbers: strict ASCII in, E.164 out, allowed by region and kind of line, masked wherever they are shown.

A region is a country or territory, never a calling code: +44 holds Guernsey, +1 holds Jamaica.
"""

from dataclasses import dataclass
from typing import Annotated

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumberType,
    format_number,
    is_possible_number,
    is_valid_number,
    national_significant_number,
    number_type,
    parse,
    region_code_for_number,
)
from phonenumbers.phonenumberutil import PhoneNumberFormat
from pydantic import Field

from app.problems import SmsNotAllowed

E164 = Annotated[
    str, Field(pattern=r"^\+[1-9][0-9]{6,13}$", examples=["+12025550123"], description="E.164, ASCII digits only.")
]
"""Plivo takes 14 digits where E.164 allows 15. Everything else that `phonenumbers` would kindly repair is refused."""
_TEXTABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_SHOWN = 4
_NO_COUNTRY = "001"


@dataclass(frozen=True, slots=True)
class Phone:
    e164: str
    region: str


def read_phone(text: E164, *, regions: tuple[str, ...] | None) -> Phone:
    """The number in *text*, if codes may be sent there. Without *regions* (development) any possible number will do."""
    try:
        number = parse(text)
    except NumberParseException:
        raise SmsNotAllowed from None
    region = region_code_for_number(number) or ""
    if regions is None:
        allowed = is_possible_number(number)
    else:
        allowed = region in regions and is_valid_number(number) and number_type(number) in _TEXTABLE
    if not allowed:
        raise SmsNotAllowed
    return Phone(format_number(number, PhoneNumberFormat.E164), region)


def is_region(text: str) -> bool:
    """Whether numbers can be of it: ISO 3166, and 001 for satellites and the like."""
    return text in SUPPORTED_REGIONS or text == _NO_COUNTRY


def mask(e164: str) -> str:
    """Show the calling code and the last four digits, of a short number fewer: `+1 ••• ••• 0123`."""
    number = parse(e164)
    shown = min(_SHOWN, len(national_significant_number(number)) // 2)
    return f"+{number.country_code} ••• ••• {e164[-shown:]}"
