"""Add devices, keys that rotate, delays, and what a session tells of where it is used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "network_limits",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("network_limits_pk")),
        comment="as limits, for windows so short that a crash may empty them",
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "throttles",
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="a digest: says nothing about whom it delays"),
        sa.Column("streak", sa.SmallInteger(), nullable=False, comment="failures in a row"),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("throttles_pk")),
    )
    op.create_table(
        "cut_offs",
        sa.Column("user_id", sa.Uuid(), nullable=False, comment="not a foreign key: it outlives a deleted user"),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="the database's own time; no token from before it is good",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("cut_offs_pk")),
    )
    op.create_index(op.f("cut_offs_at_ix"), "cut_offs", ["at"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of its token: 256 bits, so a plain SHA-256"),
        sa.Column("key_id", sa.LargeBinary(), nullable=False, comment="the ring key its token is made with"),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trusted_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("devices_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("devices_pk")),
        sa.UniqueConstraint("digest", name=op.f("devices_digest_uq")),
    )
    op.create_index("devices_user_ix", "devices", ["user_id", "seen_at"], unique=False)
    op.add_column(
        "challenges", sa.Column("device_id", sa.Uuid(), nullable=True, comment="the known device it came from")
    )
    op.add_column(
        "challenges",
        sa.Column(
            "remember",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="trust the device, once proved",
        ),
    )
    op.add_column(
        "challenges",
        sa.Column(
            "cookie",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the refresh token goes there",
        ),
    )
    op.create_index(
        "challenges_device_ix",
        "challenges",
        ["device_id"],
        unique=False,
        postgresql_where=sa.text("device_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("challenges_device_id_fk"), "challenges", "devices", ["device_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column("sessions", sa.Column("device_id", sa.Uuid(), nullable=True))
    op.add_column("sessions", sa.Column("network", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column(
        "sessions",
        sa.Column(
            "agent", sa.Text(), server_default=sa.text("''"), nullable=False, comment="the User-Agent, cut short"
        ),
    )
    op.add_column("sessions", sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "sessions_device_ix", "sessions", ["device_id"], unique=False, postgresql_where=sa.text("device_id IS NOT NULL")
    )
    op.create_foreign_key(
        op.f("sessions_device_id_fk"), "sessions", "devices", ["device_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column(
        "signing_keys",
        sa.Column(
            "activated_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null: published, and next in line to sign",
        ),
    )
    op.add_column(
        "signing_keys",
        sa.Column(
            "retired_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="signs no more; its tokens live on for a while",
        ),
    )
    op.add_column(
        "signing_keys",
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="compromised: nothing of it is good any more",
        ),
    )
    op.execute("UPDATE signing_keys SET activated_at = created_at")
    op.create_index(
        "signing_keys_current_uq",
        "signing_keys",
        ["role"],
        unique=True,
        postgresql_where=sa.text("activated_at IS NOT NULL AND retired_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_index(
        "signing_keys_next_uq",
        "signing_keys",
        ["role"],
        unique=True,
        postgresql_where=sa.text("activated_at IS NULL AND retired_at IS NULL AND revoked_at IS NULL"),
    )


def downgrade() -> None:
    # The code before knows one key a role, and takes whichever it finds.
    op.execute(
        "DELETE FROM signing_keys WHERE activated_at IS NULL OR retired_at IS NOT NULL OR revoked_at IS NOT NULL"
    )
    op.drop_index(
        "signing_keys_next_uq",
        table_name="signing_keys",
        postgresql_where=sa.text("activated_at IS NULL AND retired_at IS NULL AND revoked_at IS NULL"),
    )
    op.drop_index(
        "signing_keys_current_uq",
        table_name="signing_keys",
        postgresql_where=sa.text("activated_at IS NOT NULL AND retired_at IS NULL AND revoked_at IS NULL"),
    )
    op.drop_column("signing_keys", "revoked_at")
    op.drop_column("signing_keys", "retired_at")
    op.drop_column("signing_keys", "activated_at")
    op.drop_constraint(op.f("sessions_device_id_fk"), "sessions", type_="foreignkey")
    op.drop_index("sessions_device_ix", table_name="sessions", postgresql_where=sa.text("device_id IS NOT NULL"))
    op.drop_column("sessions", "seen_at")
    op.drop_column("sessions", "agent")
    op.drop_column("sessions", "network")
    op.drop_column("sessions", "device_id")
    op.drop_constraint(op.f("challenges_device_id_fk"), "challenges", type_="foreignkey")
    op.drop_index("challenges_device_ix", table_name="challenges", postgresql_where=sa.text("device_id IS NOT NULL"))
    op.drop_column("challenges", "cookie")
    op.drop_column("challenges", "remember")
    op.drop_column("challenges", "device_id")
    op.drop_index("devices_user_ix", table_name="devices")
    op.drop_table("devices")
    op.drop_index(op.f("cut_offs_at_ix"), table_name="cut_offs")
    op.drop_table("cut_offs")
    op.drop_table("throttles")
    op.drop_table("network_limits")
