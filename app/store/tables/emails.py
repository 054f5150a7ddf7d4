"""Tables: new addresses that wait for their code, and former ones that may still be restored."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, text

from app.store.schema import Moment, id_, metadata, moment

email_changes = Table(
    "email_changes",
    metadata,
    id_(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("credential_version", Integer, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False),
    Column("fingerprint", LargeBinary, comment="null until a code was mailed: then nothing is right"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    moment("created_at"),
    Column("expires_at", Moment, nullable=False, index=True),
)

email_undos = Table(
    "email_undos",
    metadata,
    id_(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_version", Integer, nullable=False, comment="from this change on; later undos die with it"),
    Column("email", Text, nullable=False, comment="the address that was left: nobody else gets it meanwhile"),
    Column("email_folded", Text, nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="of a token of 256 bits, so a plain SHA-256"),
    moment("created_at"),
    Column("expires_at", Moment, nullable=False, index=True),
)
