"""Tables: every SMS to send and what became of it, blocked regions and prefixes, and nonces of receipts."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, text

from app.messages import Delivery, Purpose
from app.store.schema import Moment, id_, metadata, moment, word

sends = Table(
    "sends",
    metadata,
    id_(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="SET NULL")),
    Column("challenge_id", Uuid, comment="no foreign key: it outlives its question"),
    Column("purpose", word(Purpose), nullable=False),
    Column("region", Text, nullable=False),
    Column("confirmed", Boolean, nullable=False, comment="the number was its user's already"),
    Column("number_index", LargeBinary, nullable=False, comment="blind index of the number"),
    Column(
        "prefix_index", LargeBinary, nullable=False, comment="blind index of the number without its last four digits"
    ),
    Column("network_index", LargeBinary, nullable=False, comment="blind index of the network that asked"),
    Column(
        "price", BigInteger, nullable=False, server_default=text("0"), comment="millionths of the account's currency"
    ),
    Column("sender", Text, comment="which of the configured ones took it"),
    Column("provider_id", Text, comment="what the provider calls it"),
    Column("receipt", LargeBinary, unique=True, comment="digest of the token that its receipts come with"),
    Column("delivery", word(Delivery), nullable=False),
    Column("error", Text, comment="the provider's code"),
    moment("created_at"),
    moment("settled_at", nullable=True),
    moment("verified_at", nullable=True),
)
Index("sends_created_ix", sends.c.created_at)
Index("sends_prefix_ix", sends.c.prefix_index, sends.c.created_at)
Index("sends_network_ix", sends.c.network_index, sends.c.created_at)
Index("sends_challenge_ix", sends.c.challenge_id)
Index("sends_user_ix", sends.c.user_id)

sms_blocks = Table(
    "sms_blocks",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="a blind index, of a prefix or a region"),
    Column("label", Text, nullable=False, comment="a region, or a prefix: never a whole number"),
    Column("reason", Text, nullable=False),
    moment("until", nullable=True),
    moment("created_at"),
)

Index("sms_blocks_until_ix", sms_blocks.c.until)

receipt_nonces = Table(
    "receipt_nonces",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="of a nonce that was signed: it is good once"),
    Column("send_id", Uuid, ForeignKey("sends.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("used_at", Moment, nullable=False, index=True),
)
