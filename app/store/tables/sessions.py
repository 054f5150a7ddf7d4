"""Tables: sessions, the devices they are on, and the keys that sign their tokens."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from app.store.schema import ROOM, Moment, id_, metadata, moment, of_user

devices = Table(
    "devices",
    metadata,
    id_(),
    of_user(),
    Column("credential_version", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="of its token: 256 bits, so a plain SHA-256"),
    Column("key_id", LargeBinary, nullable=False, comment="the ring key its token is made with"),
    Column("network", Text, nullable=False),
    Column("agent", Text, nullable=False),
    moment("created_at"),
    moment("seen_at"),
    moment("trusted_until", nullable=True),
)
Index("devices_user_ix", devices.c.user_id, devices.c.seen_at)
Index("devices_seen_ix", devices.c.seen_at)

sessions = Table(
    "sessions",
    metadata,
    id_(),
    of_user(),
    Column("credential_version", Integer, nullable=False),
    Column("counter", BigInteger, nullable=False, server_default=text("0"), comment="the newest refresh token's"),
    Column("key_id", LargeBinary, nullable=False, comment="the ring key its refresh tokens are under"),
    Column("amr", ARRAY(Text), nullable=False),
    Column("acr", Text, nullable=False),
    Column("device_id", Uuid, ForeignKey("devices.id", ondelete="SET NULL")),
    Column("network", Text, nullable=False, server_default=text("''")),
    Column("agent", Text, nullable=False, server_default=text("''"), comment="the User-Agent, cut short"),
    moment("auth_time"),
    moment("created_at"),
    moment("rotated_at"),
    moment("seen_at", nullable=True),
    moment("expires_at"),
    Column("ended_at", Moment, comment="the database's own time: the revocation feed reads by it"),
    Column("end_reason", Text),
    CheckConstraint("(ended_at is null) = (end_reason is null)", name="ended"),
    postgresql_with=ROOM,
)
Index("sessions_of_user_ix", sessions.c.user_id, sessions.c.ended_at)
Index("sessions_device_ix", sessions.c.device_id, postgresql_where=sessions.c.device_id.is_not(None))
Index("sessions_expires_ix", sessions.c.expires_at, postgresql_where=sessions.c.ended_at.is_(None))
Index("sessions_ended_ix", sessions.c.ended_at, postgresql_where=sessions.c.ended_at.is_not(None))

cut_offs = Table(
    "cut_offs",
    metadata,
    Column("user_id", Uuid, primary_key=True, comment="not a foreign key: it outlives a deleted user"),
    Column(
        "at", Moment, nullable=False, index=True, comment="the database's own time; no token from before it is good"
    ),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("role", Text, nullable=False, comment="access: published; internal: never"),
    Column("alg", Text, nullable=False),
    Column("private", LargeBinary, nullable=False, comment="sealed"),
    moment("created_at"),
    Column("activated_at", Moment, comment="null: published, and next in line to sign"),
    Column("retired_at", Moment, comment="signs no more; its tokens live on for a while"),
    Column("revoked_at", Moment, comment="compromised: nothing of it is good any more"),
)
_STANDS = signing_keys.c.retired_at.is_(None) & signing_keys.c.revoked_at.is_(None)
Index(
    "signing_keys_current_uq",
    signing_keys.c.role,
    unique=True,
    postgresql_where=signing_keys.c.activated_at.is_not(None) & _STANDS,
)
Index(
    "signing_keys_next_uq",
    signing_keys.c.role,
    unique=True,
    postgresql_where=signing_keys.c.activated_at.is_(None) & _STANDS,
)
