"""The knobs of limits: how often something may be tried, and whether what is beyond it is refused or only noted."""

from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from app.settings.rules import WrittenRules
from app.settings.types import Duration, Durations, Group

Mode: TypeAlias = Literal["enforce", "record_only"]


class LimitSettings(Group):
    """Attempts of an account, a network, a mailbox. `record_only` counts, logs what it would refuse (`limit.exceeded`), and lets it pass."""

    login: Mode = Field("enforce", description="The delays, and the limit of an account.")
    network: Mode | None = Field(
        None, description="The limits of a network. Unset: enforce in production, record_only in development."
    )
    mails: Mode = Field(
        "enforce", description="The limits of mails to one address; enforced, more are dropped silently."
    )
    login_delay_at: Annotated[int, Field(ge=2, le=100)] = Field(
        5, description="Wrong passwords in a row, for an account from a network or from a known device, that delay."
    )
    login_delays: Durations = Field(
        tuple(timedelta(seconds=s) for s in (1, 5, 15, 60, 300, 900)),
        min_length=1,
        description="The growing delays, in which nothing is looked at.",
    )
    login_delay_forgotten: Duration = Field(
        timedelta(days=1), description="So long after the end of a delay, the next failure is the first one again."
    )
    login_failures: WrittenRules = Field(
        "100/hour", description="Wrong passwords for an account; beyond it only unknown devices are refused."
    )
    login_successes: WrittenRules = Field(
        "60/hour",
        description="Right passwords for an account, of unknown devices; of known ones, together, as many again.",
    )
    network_failures: WrittenRules = Field(
        "30/minute", description="Wrong passwords from a network: an IPv4 address, or an IPv6 /64."
    )
    wider_network_failures: WrittenRules = Field("240/minute", description="Wrong passwords from an IPv6 /48.")
    register_network: WrittenRules = Field(
        "20/hour", description="Sign-ups from a network; from an IPv6 /48 eight times as many."
    )
    forgot_network: WrittenRules = Field(
        "20/hour", description="Reset links that a network asks for; an IPv6 /48 eight times."
    )
    codes_network: WrittenRules = Field(
        "60/hour",
        description="Codes and reset tokens that a network tries, or has mailed anew; an IPv6 /48 eight times.",
    )
    account_changes: WrittenRules = Field(
        "60/hour;200/day",
        description="Changes that one user makes to their account, exports, and factors that they begin to enrol; more"
        " are refused.",
    )
    account_notices: WrittenRules = Field(
        "10/hour;20/day",
        description="Changes of one user that mail a notice: of factors, recovery codes, the password; more are refused.",
    )
    stuffing_accounts: WrittenRules = Field(
        "50/hour",
        description="Different accounts that fail from a network, or four times as many from an IPv6 /48; more are told as"
        " `login.stuffing_suspected`.",
    )
    refused_receipts: WrittenRules = Field(
        "60/minute", description="Refused calls of /webhooks for a network and worker; then none is looked at."
    )
    surge_floor: Annotated[int, Field(ge=1)] = Field(
        60, description="Failed sign-ins a minute, everywhere: fewer are never told as `login.stuffing_suspected`."
    )
    surge_times: Annotated[int, Field(ge=2)] = Field(
        5, description="So many times as many failed sign-ins as a worker usually sees are too many."
    )
