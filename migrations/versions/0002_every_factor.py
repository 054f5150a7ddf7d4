"""Add budgets, step-ups, labels and expired passwords."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="a factor, or * for all of them together"),
        sa.Column("streak", sa.SmallInteger(), nullable=False, comment="failures in a row"),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("budgets_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("budgets_pk")),
    )
    op.add_column("challenges", sa.Column("session_id", sa.Uuid(), nullable=True, comment="of a step-up"))
    op.create_index(
        "challenges_session_ix",
        "challenges",
        ["session_id"],
        unique=False,
        postgresql_where=sa.text("session_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("challenges_session_id_fk"), "challenges", "sessions", ["session_id"], ["id"], ondelete="CASCADE"
    )
    op.add_column("enrollments", sa.Column("label", sa.Text(), nullable=True))
    op.add_column(
        "enrollments",
        sa.Column(
            "preferred",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="asked first, by its owner's choice",
        ),
    )
    op.add_column(
        "enrollments",
        sa.Column(
            "replaced_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it took the place of another one of its kind",
        ),
    )
    op.add_column(
        "users",
        sa.Column(
            "password_expired",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="a reset is needed",
        ),
    )


def downgrade() -> None:
    op.drop_column("users", "password_expired")
    op.drop_column("enrollments", "replaced_at")
    op.drop_column("enrollments", "preferred")
    op.drop_column("enrollments", "label")
    op.drop_constraint(op.f("challenges_session_id_fk"), "challenges", type_="foreignkey")
    op.drop_index("challenges_session_ix", table_name="challenges", postgresql_where=sa.text("session_id IS NOT NULL"))
    op.drop_column("challenges", "session_id")
    op.drop_table("budgets")
