"""Add password resets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resets",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of 256 random bits, so a plain SHA-256"),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("resets_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", name=op.f("resets_pk")),
    )
    op.create_index(op.f("resets_expires_at_ix"), "resets", ["expires_at"], unique=False)
    op.create_index(op.f("resets_user_id_ix"), "resets", ["user_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("resets_user_id_ix"), table_name="resets")
    op.drop_index(op.f("resets_expires_at_ix"), table_name="resets")
    op.drop_table("resets")
