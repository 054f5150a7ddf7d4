"""The knobs of the audit log: how often the chain is vouched for, how long events are kept, and how many may wait."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from app.settings.types import Duration, Group


class AuditSettings(Group):
    """Security events in the database, chained. docs/audit.md."""

    checkpoint_every: Duration = Field(
        timedelta(minutes=1), description="A signed checkpoint is logged so often, if anything happened."
    )
    retention: Duration = Field(
        timedelta(days=400), description="`gatehouse prune --audit` drops the months whose events are all older."
    )
    queue: Annotated[int, Field(ge=1)] = Field(
        10_000,
        description="Events a worker holds while the database is gone; more are lost, counted, and still logged.",
    )
