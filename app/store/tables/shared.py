"""Tables that all replicas share and that belong to no user: limits, delays, and mails to send."""

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from app.store.schema import Moment, id_, metadata, moment

limits = Table(
    "limits",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="a digest: says nothing about whom it limits"),
    Column("full_at", Moment, nullable=False, comment="theoretical arrival time (GCRA)"),
)

Index("limits_full_ix", limits.c.full_at)

network_limits = Table(
    "network_limits",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("full_at", Moment, nullable=False),
    prefixes=["UNLOGGED"],
    comment="as limits, for windows so short that a crash may empty them",
)

Index("network_limits_full_ix", network_limits.c.full_at)

throttles = Table(
    "throttles",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="a digest: says nothing about whom it delays"),
    Column("streak", SmallInteger, nullable=False, comment="failures in a row"),
    moment("free_at"),
)

Index("throttles_free_ix", throttles.c.free_at)

outbox = Table(
    "outbox",
    metadata,
    id_(),
    Column("recipient", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("words", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("tries", SmallInteger, nullable=False, server_default=text("0")),
    moment("created_at"),
    Column("due_at", Moment, nullable=False, index=True),
)
Index("outbox_created_ix", outbox.c.created_at)
