"""Let an operator bring users from elsewhere, take factors from them, and put claims of their own into their tokens."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column(
            "email_proof_due", sa.Text(), nullable=True, comment="why a first factor needs a code mailed to the address"
        ),
    )
    op.add_column(
        "users",
        sa.Column(
            "claims",
            JSONB(),
            nullable=False,
            server_default=sa.text("'{}'::jsonb"),
            comment="what an operator puts into access tokens",
        ),
    )


def downgrade() -> None:
    op.drop_column("users", "claims")
    op.drop_column("users", "email_proof_due")
