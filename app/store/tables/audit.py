"""Tables: the audit log. Rows are added and never changed (triggers refuse it); partitions by month are dropped whole.

Partitions, triggers and the function that makes both are in the migrations alone.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from app.store.schema import Moment, id_, metadata, moment

audit_keys = Table(
    "audit_keys",
    metadata,
    id_(),
    Column(
        "user_id",
        Uuid,
        ForeignKey("users.id", ondelete="CASCADE"),
        index=True,
        comment="null: the house's own; with the user go the keys that open their personal fields",
    ),
    Column("key", LargeBinary, nullable=False, comment="sealed"),
    moment("created_at"),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column(
        "written_at", Moment, primary_key=True, server_default=func.clock_timestamp(), comment="the database's time"
    ),
    Column("at", Moment, nullable=False, comment="the service's time, under the MAC"),
    Column("event", Text, nullable=False),
    Column("user_id", Uuid, comment="no foreign key: it outlives a deleted user"),
    Column("session_id", Uuid),
    Column("request_id", Text),
    Column("facts", JSONB, nullable=False, comment="ids and outcomes"),
    Column("personal", LargeBinary, comment="network address and agent, sealed under key_id"),
    Column("key_id", Uuid, comment="of audit_keys; without that row the personal field is unreadable for good"),
    Column("mac", LargeBinary, nullable=False, comment="of all columns but written_at"),
    CheckConstraint("at >= '2000-01-01 00:00:00+00' AND at < '3000-01-01 00:00:00+00'", name="at"),
    CheckConstraint(
        "jsonb_typeof(facts) = 'object' AND NOT jsonb_path_exists(facts, '$.* ? (@.type() <> \"string\")')",
        name="facts",
    ),
    postgresql_partition_by="RANGE (written_at)",
)
Index("audit_events_user_ix", audit_events.c.user_id, audit_events.c.at.desc(), audit_events.c.id.desc())
Index("audit_events_written_ix", audit_events.c.written_at)

audit_links = Table(
    "audit_links",
    metadata,
    Column(
        "seq", BigInteger, primary_key=True, autoincrement=False, comment="the sealer's own numbering, without a gap"
    ),
    Column(
        "sealed_at",
        Moment,
        primary_key=True,
        server_default=func.clock_timestamp(),
        comment="the database's time, under the MAC",
    ),
    Column("event_id", Uuid, nullable=False),
    Column("event_at", Moment, nullable=False, comment="written_at of the event"),
    Column("event_mac", LargeBinary, nullable=False),
    Column("link", LargeBinary, nullable=False, comment="MAC of the link before and of this row"),
    CheckConstraint("seq > 0", name="seq"),
    postgresql_partition_by="RANGE (sealed_at)",
)
Index("audit_links_event_ix", audit_links.c.event_at, audit_links.c.event_id)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    id_(),
    Column("seq", BigInteger, nullable=False, index=True),
    Column("at", Moment, nullable=False, index=True, server_default=func.clock_timestamp()),
    Column("token", Text, nullable=False, comment="signed; printed to the log as well"),
)
