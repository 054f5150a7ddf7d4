"""Phone numbers: strict ASCII in, E.164 out, allowed by region and kind of line, masked wherever they are shown.

A region is a country or territory, never a calling code: +44 holds Guernsey, +1 holds Jamaica.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

from pydantic import Field

from app.factors.regions import REGIONS
from app.problems import SmsNotAllowed
from app.problems.fields import says
from app.settings.types import E164_PATTERN

E164 = Annotated[
    str,
    Field(pattern=E164_PATTERN, examples=["+12025550123"], description="E.164, ASCII digits only."),
    says("Must be a number in international form: + and the country code, 7 to 14 digits in all, without blanks."),
]
"""As `E164_PATTERN`; everything else that `phonenumbers` would kindly repair is refused."""
_SHOWN = 4
_NO_COUNTRY = "001"


@dataclass(frozen=True, slots=True)
class Phone:
    e164: str
    region: str


def read_phone(text: E164, *, regions: tuple[str, ...] | None) -> Phone:
    """The number in *text*, if codes may be sent there. Without *regions* (development) any possible number will do."""
    found: tuple[str, str] | None = import_module("app.factors.numbering").read(text, regions=regions)
    if found is None:
        raise SmsNotAllowed
    return Phone(*found)


def is_region(text: str) -> bool:
    """Whether numbers can be of it: ISO 3166, and 001 for satellites and the like."""
    return text in REGIONS or text == _NO_COUNTRY


def mask(e164: str) -> str:
    """Show the calling code and the last four digits, of a short number fewer: `+1 ••• ••• 0123`."""
    calling_code, digits = import_module("app.factors.numbering").measure(e164)
    return f"+{calling_code} ••• ••• {e164[-min(_SHOWN, digits // 2) :]}"
