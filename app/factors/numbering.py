"""What `phonenumbers` knows of a number. Its tables are slow to load, so that waits for the first number (decisions/0012)."""

from phonenumbers import (
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

_TEXTABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def read(text: str, *, regions: tuple[str, ...] | None) -> tuple[str, str] | None:
    """In E.164, and its region; None where codes may not be sent."""
    try:
        number = parse(text)
    except NumberParseException:
        return None
    region = region_code_for_number(number) or ""
    if regions is None:
        allowed = is_possible_number(number)
    else:
        allowed = region in regions and is_valid_number(number) and number_type(number) in _TEXTABLE
    return (format_number(number, PhoneNumberFormat.E164), region) if allowed else None


def measure(e164: str) -> tuple[int | None, int]:
    """The calling code, and how many digits follow it."""
    number = parse(e164)
    return number.country_code, len(national_significant_number(number))
