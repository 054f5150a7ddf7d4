"""The knobs of the SMS firewall: how many codes may be sent to whom, and whether what is beyond it is refused or only noted."""

from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from app.settings.limits import Mode
from app.settings.rules import WrittenConversion, WrittenRules
from app.settings.types import Duration, Group, read_words

SmsLimit: TypeAlias = Literal[
    "number",
    "ceiling",
    "user",
    "repeat",
    "prefix",
    "network",
    "numbers",
    "country",
    "overall",
    "confirmed_prefix",
    "confirmed_network",
    "conversion",
    "budget",
]
SmsLimitNames = Annotated[tuple[SmsLimit, ...], NoDecode, BeforeValidator(read_words)]


class SmsLimitSettings(Group):
    """Limits on SMS, beside the growing pause between codes. Those from `repeat` to `overall` are for numbers that nobody has confirmed yet."""

    mode: Mode | None = Field(
        None,
        description="record_only: what is beyond a limit is logged (`limit.exceeded`) and sent. Unset: enforce in "
        "production, record_only in development.",
    )
    record_only: SmsLimitNames = Field((), description="Those limits of them that are only recorded, a,b.")
    number: WrittenRules = Field(
        "3/10minute;5/hour;10/day", description="SMS to a number; a code that was answered right no longer counts."
    )
    ceiling: WrittenRules = Field("20/hour;40/day", description="SMS to a number, answered right or not.")
    user: WrittenRules = Field(
        "20/hour;40/day", description="SMS that a user has sent, answered right or not, or refused."
    )
    repeat: WrittenRules = Field("3/day", description="SMS to the same number that a user, or a network, asks for.")
    prefix: WrittenRules = Field("10/hour", description="SMS to numbers that differ in their last four digits only.")
    network: WrittenRules = Field(
        "10/hour",
        description="SMS that a network asks for, an IPv6 /48 eight times; LIMITS__NETWORK says whether it is enforced.",
    )
    numbers: WrittenRules = Field("3/hour", description="Different numbers that a network asks for; likewise.")
    country: WrittenRules = Field("200/hour", description="SMS to a region.")
    overall: WrittenRules = Field("1000/hour;5000/day", description="SMS to all such numbers together.")
    confirmed_prefix: WrittenRules = Field("300/hour", description="SMS to confirmed numbers of a prefix.")
    confirmed_network: WrittenRules = Field(
        "300/hour", description="SMS to confirmed numbers that a network asks for; as `network`."
    )
    conversion: WrittenConversion = Field(
        "0/10;2/20",
        description="So few numbers that answer right, of a prefix's newest so many, and it is blocked for a while.",
    )
    conversion_networks: Annotated[int, Field(ge=1)] = Field(
        3, description="And only when so many networks asked for what nobody answered."
    )
    user_share: Annotated[int, Field(ge=1, le=100)] = Field(
        10, description="Percent of the budget that one user may cost; three SMS in any case."
    )
    block: Duration = Field(timedelta(hours=12), description="So long: then it is tried again by itself.")
