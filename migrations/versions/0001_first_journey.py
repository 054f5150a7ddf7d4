"""Create the tables of the first journey."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="a digest: says nothing about whom it limits"),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False, comment="theoretical arrival time (GCRA)"),
        sa.PrimaryKeyConstraint("key", name=op.f("limits_pk")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column(
            "words", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pk")),
    )
    op.create_index(op.f("outbox_due_at_ix"), "outbox", ["due_at"], unique=False)
    op.create_table(
        "registrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column(
            "fingerprint",
            sa.LargeBinary(),
            nullable=True,
            comment="null until a code was mailed: then nothing is right",
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("registrations_pk")),
    )
    op.create_index(op.f("registrations_email_folded_ix"), "registrations", ["email_folded"], unique=False)
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="access: published; internal: never"),
        sa.Column("alg", sa.Text(), nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("signing_keys_pk")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("credential_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pk")),
        sa.UniqueConstraint("email_folded", name=op.f("users_email_folded_uq")),
    )
    op.create_table(
        "challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("factor", sa.Text(), nullable=True, comment="the kind that was asked last"),
        sa.Column(
            "fingerprint", sa.LargeBinary(), nullable=True, comment="of the newest code, keyed and bound to this row"
        ),
        sa.Column(
            "shown",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
            comment="what the client needs to see",
        ),
        sa.Column(
            "sends", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="which code is the newest"
        ),
        sa.Column("delivery", sa.String(length=32), server_default=sa.text("'none'"), nullable=False),
        sa.Column("code_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("challenges_attempts_ck")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("challenges_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("challenges_pk")),
    )
    op.create_index("challenges_expires_ix", "challenges", ["expires_at"], unique=False)
    op.create_index("challenges_user_ix", "challenges", ["user_id"], unique=False)
    op.create_table(
        "cooldowns",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sends", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("cooldowns_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("cooldowns_pk")),
    )
    op.create_table(
        "enrollments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "unique_index",
            sa.LargeBinary(),
            nullable=True,
            comment="blind index of a value that one user only may hold",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("enrollments_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("enrollments_pk")),
    )
    op.create_index(
        "enrollments_confirmed_uq",
        "enrollments",
        ["user_id", "kind"],
        unique=True,
        postgresql_where=sa.text("confirmed_at IS NOT NULL"),
    )
    op.create_index(
        "enrollments_pending_uq",
        "enrollments",
        ["user_id", "kind"],
        unique=True,
        postgresql_where=sa.text("confirmed_at IS NULL"),
    )
    op.create_index(
        "enrollments_unique_index_uq",
        "enrollments",
        ["unique_index"],
        unique=True,
        postgresql_where=sa.text("confirmed_at IS NOT NULL"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column(
            "counter",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="the newest refresh token's",
        ),
        sa.Column("key_id", sa.LargeBinary(), nullable=False, comment="the ring key its refresh tokens are under"),
        sa.Column("amr", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("acr", sa.Text(), nullable=False),
        sa.Column("auth_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the database's own time: the revocation feed reads by it",
        ),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(ended_at is null) = (end_reason is null)", name=op.f("sessions_ended_ck")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("sessions_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pk")),
    )
    op.create_index(
        "sessions_ended_ix", "sessions", ["ended_at"], unique=False, postgresql_where=sa.text("ended_at IS NOT NULL")
    )
    op.create_index(
        "sessions_user_ix", "sessions", ["user_id"], unique=False, postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("sessions_user_ix", table_name="sessions", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("sessions_ended_ix", table_name="sessions", postgresql_where=sa.text("ended_at IS NOT NULL"))
    op.drop_table("sessions")
    op.drop_index(
        "enrollments_unique_index_uq", table_name="enrollments", postgresql_where=sa.text("confirmed_at IS NOT NULL")
    )
    op.drop_index("enrollments_pending_uq", table_name="enrollments", postgresql_where=sa.text("confirmed_at IS NULL"))
    op.drop_index(
        "enrollments_confirmed_uq", table_name="enrollments", postgresql_where=sa.text("confirmed_at IS NOT NULL")
    )
    op.drop_table("enrollments")
    op.drop_table("cooldowns")
    op.drop_index("challenges_user_ix", table_name="challenges")
    op.drop_index("challenges_expires_ix", table_name="challenges")
    op.drop_table("challenges")
    op.drop_table("users")
    op.drop_table("signing_keys")
    op.drop_index(op.f("registrations_email_folded_ix"), table_name="registrations")
    op.drop_table("registrations")
    op.drop_index(op.f("outbox_due_at_ix"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("limits")
