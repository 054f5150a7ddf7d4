"""The knobs of limits: how often a password may be guessed, and whether what is beyond it is refused or only noted."""

from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from app.settings.types import Duration, Durations, Group

Mode: TypeAlias = Literal["enforce", "record_only"]


class LimitSettings(Group):
    """Wrong passwords. `record_only` counts, logs what it would refuse (`limit.exceeded`), and lets it pass."""

    login: Mode = Field("enforce", description="The delays, and the limit of an account.")
    network: Mode | None = Field(
        None, description="The limits of a network. Unset: enforce in production, record_only in development."
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
    login_failures: str = Field(
        "100/hour", description="Wrong passwords for an account; beyond it only unknown devices are refused."
    )
    network_failures: str = Field(
        "30/minute", description="Wrong passwords from a network: an IPv4 address, or an IPv6 /64."
    )
    wider_network_failures: str = Field("240/minute", description="Wrong passwords from an IPv6 /48.")
