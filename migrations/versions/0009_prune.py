"""Let what is over be found, so that pruning it reads nothing else.

Nobody waits for an index that is made, CONCURRENTLY; one that was left half made is made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = (
    ("budgets_clear_ix", "budgets", "user_id", "streak = 0 AND locked_until IS NULL"),
    ("cooldowns_next_ix", "cooldowns", "next_at", None),
    ("devices_seen_ix", "devices", "seen_at", None),
    ("enrollments_unconfirmed_ix", "enrollments", "created_at", "confirmed_at IS NULL"),
    ("limits_full_ix", "limits", "full_at", None),
    ("network_limits_full_ix", "network_limits", "full_at", None),
    ("outbox_created_ix", "outbox", "created_at", None),
    ("registrations_expires_ix", "registrations", "expires_at", None),
    ("sessions_expires_ix", "sessions", "expires_at", "ended_at IS NULL"),
    ("sms_blocks_until_ix", "sms_blocks", "until", None),
    ("throttles_free_ix", "throttles", "free_at", None),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, column, where in INDEXES:
            condition = sa.text(where) if where else None
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, [column], postgresql_where=condition, postgresql_concurrently=True)


def downgrade() -> None:
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
