"""Add changes of e-mail: addresses that wait for their code, and those that may be brought back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "email_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint",
            sa.LargeBinary(),
            nullable=True,
            comment="null until a code was mailed: then nothing is right",
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("email_changes_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("email_changes_pk")),
        sa.UniqueConstraint("user_id", name=op.f("email_changes_user_id_uq")),
    )
    op.create_index(op.f("email_changes_expires_at_ix"), "email_changes", ["expires_at"], unique=False)
    op.create_table(
        "email_undos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "credential_version",
            sa.Integer(),
            nullable=False,
            comment="from this change on; later undos die with it",
        ),
        sa.Column(
            "email",
            sa.Text(),
            nullable=False,
            comment="the address that was left: nobody else gets it meanwhile",
        ),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of a token of 256 bits, so a plain SHA-256"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("email_undos_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("email_undos_pk")),
        sa.UniqueConstraint("digest", name=op.f("email_undos_digest_uq")),
    )
    for column in ("user_id", "email_folded", "expires_at"):
        op.create_index(op.f(f"email_undos_{column}_ix"), "email_undos", [column], unique=False)


def downgrade() -> None:
    op.drop_table("email_undos")
    op.drop_table("email_changes")
