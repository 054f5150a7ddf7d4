"""Tables: users, registrations that wait for verification, and password resets."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from app.store.schema import ROOM, Moment, id_, metadata, moment

users = Table(
    "users",
    metadata,
    id_(),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("password_expired", Boolean, nullable=False, server_default=text("false"), comment="a reset is needed"),
    Column("credential_version", Integer, nullable=False, server_default=text("1")),
    Column("locale", Text, nullable=False),
    Column("display_name", Text),
    Column("email_proof_due", Text, comment="why a first factor needs a code mailed to the address"),
    Column(
        "claims",
        JSONB,
        nullable=False,
        server_default=text("'{}'::jsonb"),
        comment="what an operator puts into access tokens",
    ),
    moment("created_at"),
    moment("last_login_at", nullable=True),
    postgresql_with=ROOM,
)

registrations = Table(
    "registrations",
    metadata,
    id_(),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False, index=True),
    Column("password_hash", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("fingerprint", LargeBinary, comment="null until a code was mailed: then nothing is right"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    moment("created_at"),
    moment("expires_at"),
)

Index("registrations_expires_ix", registrations.c.expires_at)

resets = Table(
    "resets",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="of 256 random bits, so a plain SHA-256"),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_version", Integer, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)
