"""Leave room in each page of what sign-ins change, so that a row is changed where it is and no index is written.

Pages that are full already stay so until they are rewritten; nothing waits for this.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("users", "enrollments", "challenges", "sessions")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 80)")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
