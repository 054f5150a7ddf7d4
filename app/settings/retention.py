"""The knobs of retention: how long what is over is kept before it is pruned. What is alive is never pruned, whatever they say."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from app.settings.types import Duration, Group

_DAY = timedelta(days=1)


class RetentionSettings(Group):
    """How long what is over is kept (docs/privacy.md); the audit log has a retention of its own."""

    prune_every: Duration | Literal["never"] = Field(
        timedelta(hours=1), description="By one of the workers; `never`: by `gatehouse prune` alone."
    )
    challenges: Duration = Field(
        _DAY,
        ge=timedelta(hours=1),
        description="Sign-ins, confirmations and step-ups, and factors that were never confirmed.",
    )
    sessions: Duration = Field(timedelta(days=30), ge=_DAY, description="Sessions that ended or expired.")
    devices: Duration = Field(timedelta(days=180), ge=_DAY, description="Devices that nobody signed in on.")
    sends: Duration = Field(
        timedelta(days=400),
        ge=2 * _DAY,
        description="SMS, for reports; without their numbers. At least the longest limit.",
    )
    notices: Duration = Field(
        timedelta(days=30), ge=_DAY, description="Mails that no mail server took; then they are given up."
    )
