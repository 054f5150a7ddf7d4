"""Add what was sent, what became of it, and what nothing is sent to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sms_blocks",
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="a blind index, of a prefix or a region"),
        sa.Column("label", sa.Text(), nullable=False, comment="a region, or a prefix: never a whole number"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("sms_blocks_pk")),
    )
    op.create_table(
        "sends",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("challenge_id", sa.Uuid(), nullable=True, comment="no foreign key: it outlives its question"),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False, comment="the number was its user's already"),
        sa.Column("number_index", sa.LargeBinary(), nullable=False, comment="blind index of the number"),
        sa.Column(
            "prefix_index",
            sa.LargeBinary(),
            nullable=False,
            comment="blind index of the number without its last four digits",
        ),
        sa.Column("network_index", sa.LargeBinary(), nullable=False, comment="blind index of the network that asked"),
        sa.Column(
            "price",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="millionths of the account's currency",
        ),
        sa.Column("sender", sa.Text(), nullable=True, comment="which of the configured ones took it"),
        sa.Column("provider_id", sa.Text(), nullable=True, comment="what the provider calls it"),
        sa.Column(
            "receipt", sa.LargeBinary(), nullable=True, comment="digest of the token that its receipts come with"
        ),
        sa.Column("delivery", sa.String(length=32), nullable=False),
        sa.Column("error", sa.Text(), nullable=True, comment="the provider's code"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("sends_user_id_fk"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("sends_pk")),
        sa.UniqueConstraint("receipt", name=op.f("sends_receipt_uq")),
    )
    op.create_index("sends_challenge_ix", "sends", ["challenge_id"], unique=False)
    op.create_index("sends_created_ix", "sends", ["created_at"], unique=False)
    op.create_index("sends_network_ix", "sends", ["network_index", "created_at"], unique=False)
    op.create_index("sends_prefix_ix", "sends", ["prefix_index", "created_at"], unique=False)
    op.create_index("sends_user_ix", "sends", ["user_id"], unique=False)
    op.create_table(
        "receipt_nonces",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="of a nonce that was signed: it is good once"),
        sa.Column("send_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["send_id"], ["sends.id"], name=op.f("receipt_nonces_send_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("digest", name=op.f("receipt_nonces_pk")),
    )
    op.create_index("receipt_nonces_send_id_ix", "receipt_nonces", ["send_id"], unique=False)
    op.create_index("receipt_nonces_used_at_ix", "receipt_nonces", ["used_at"], unique=False)


def downgrade() -> None:
    op.drop_index("receipt_nonces_used_at_ix", table_name="receipt_nonces")
    op.drop_index("receipt_nonces_send_id_ix", table_name="receipt_nonces")
    op.drop_table("receipt_nonces")
    op.drop_index("sends_user_ix", table_name="sends")
    op.drop_index("sends_prefix_ix", table_name="sends")
    op.drop_index("sends_network_ix", table_name="sends")
    op.drop_index("sends_created_ix", table_name="sends")
    op.drop_index("sends_challenge_ix", table_name="sends")
    op.drop_table("sends")
    op.drop_table("sms_blocks")
