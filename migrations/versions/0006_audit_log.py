"""Add the audit log: events, the chain over them, its checkpoints, and the keys of personal fields.

The triggers refuse changes to everybody, the owner too, and links that do not follow the newest one; whoever may drop them is
found out by `gatehouse audit verify`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_MOMENT = sa.DateTime(timezone=True)

_REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is only added to' USING ERRCODE = 'insufficient_privilege';
END $$
"""

_MAKE_PARTITIONS = """
CREATE FUNCTION audit_make_partitions(first date, months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    name text;
    month timestamp;
    made integer := 0;
BEGIN
    FOREACH parent IN ARRAY ARRAY['audit_events', 'audit_links'] LOOP
        FOR n IN 0 .. months - 1 LOOP
            month := date_trunc('month', first::timestamp) + make_interval(months => n);
            name := parent || to_char(month, '_YYYYMM');
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                name, parent, month::text || '+00', (month + interval '1 month')::text || '+00'
            );
            EXECUTE format(
                'CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_refuse()', name
            );
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$
"""

_FOLLOWS = """
CREATE FUNCTION audit_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lowest bigint;
    highest bigint;
    many bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1734440051) THEN
        RAISE EXCEPTION 'somebody else seals the audit log' USING ERRCODE = 'lock_not_available';
    END IF;
    SELECT min(seq), max(seq), count(*) INTO lowest, highest, many FROM added;
    IF many > 0 AND (
        highest - lowest + 1 <> many
        OR lowest <> 1 + coalesce((SELECT max(l.seq) FROM audit_links AS l WHERE l.seq < lowest), 0)
        OR many <> (SELECT count(*) FROM audit_links AS l WHERE l.seq >= lowest)
    ) THEN
        RAISE EXCEPTION 'a link follows the newest one' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM added AS a
        LEFT JOIN audit_events AS e ON e.id = a.event_id AND e.written_at = a.event_at AND e.mac = a.event_mac
        WHERE e.id IS NULL
        OR a.sealed_at NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '2 hours'
    ) THEN
        RAISE EXCEPTION 'a link holds an event that is there, and says when' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (
        SELECT FROM added AS a JOIN audit_links AS l ON l.event_at = a.event_at AND l.event_id = a.event_id
        WHERE l.seq <> a.seq
    ) THEN
        RAISE EXCEPTION 'an event is in one link' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$
"""

_SEALED_PATHS = """
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_refuse()', 'audit_follows()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$
"""

_APPEND_ONLY = ("audit_events", "audit_links", "audit_checkpoints")
_PARTITIONED = ("audit_events", "audit_links")
_MONTHS_AHEAD = 24


def upgrade() -> None:
    _create_tables()
    op.execute(_REFUSE)
    op.execute(_FOLLOWS)
    op.execute(_SEALED_PATHS)
    op.execute(_MAKE_PARTITIONS)
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER audit_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
        )
        op.execute(f"CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION audit_refuse()")
    op.execute(
        "CREATE TRIGGER audit_house BEFORE DELETE OR UPDATE OF id, user_id ON audit_keys "
        "FOR EACH ROW WHEN (OLD.user_id IS NULL) EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_follows AFTER INSERT ON audit_links REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_follows()"
    )
    for table in _PARTITIONED:
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
        op.execute(f"CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON {table}_default EXECUTE FUNCTION audit_refuse()")
    op.execute(f"SELECT audit_make_partitions((now() AT TIME ZONE 'utc')::date, {_MONTHS_AHEAD})")


def _create_tables() -> None:
    op.create_table(
        "audit_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "user_id",
            sa.Uuid(),
            nullable=True,
            comment="null: the house's own; with the user go the keys that open their personal fields",
        ),
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="sealed"),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("audit_keys_user_id_fk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_keys_pk")),
    )
    op.create_index("audit_keys_user_id_ix", "audit_keys", ["user_id"], unique=False)
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("written_at", _MOMENT, server_default=_NOW, nullable=False, comment="the database's time"),
        sa.Column("at", _MOMENT, nullable=False, comment="the service's time, under the MAC"),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True, comment="no foreign key: it outlives a deleted user"),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False, comment="ids and outcomes"),
        sa.Column(
            "personal", sa.LargeBinary(), nullable=True, comment="network address and agent, sealed under key_id"
        ),
        sa.Column(
            "key_id",
            sa.Uuid(),
            nullable=True,
            comment="of audit_keys; without that row the personal field is unreadable for good",
        ),
        sa.Column("mac", sa.LargeBinary(), nullable=False, comment="of all columns but written_at"),
        sa.CheckConstraint(
            "at >= '2000-01-01 00:00:00+00' AND at < '3000-01-01 00:00:00+00'", name=op.f("audit_events_at_ck")
        ),
        sa.CheckConstraint(
            "jsonb_typeof(facts) = 'object' AND NOT jsonb_path_exists(facts, '$.* ? (@.type() <> \"string\")')",
            name=op.f("audit_events_facts_ck"),
        ),
        sa.PrimaryKeyConstraint("id", "written_at", name=op.f("audit_events_pk")),
        postgresql_partition_by="RANGE (written_at)",
    )
    op.create_index(
        "audit_events_user_ix", "audit_events", ["user_id", sa.literal_column("at DESC"), sa.literal_column("id DESC")]
    )
    op.create_index("audit_events_written_ix", "audit_events", ["written_at"])
    op.create_table(
        "audit_links",
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="the sealer's own numbering, without a gap"),
        sa.Column(
            "sealed_at", _MOMENT, server_default=_NOW, nullable=False, comment="the database's time, under the MAC"
        ),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("event_at", _MOMENT, nullable=False, comment="written_at of the event"),
        sa.Column("event_mac", sa.LargeBinary(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False, comment="MAC of the link before and of this row"),
        sa.CheckConstraint("seq > 0", name=op.f("audit_links_seq_ck")),
        sa.PrimaryKeyConstraint("seq", "sealed_at", name=op.f("audit_links_pk")),
        postgresql_partition_by="RANGE (sealed_at)",
    )
    op.create_index("audit_links_event_ix", "audit_links", ["event_at", "event_id"])
    op.create_table(
        "audit_checkpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", _MOMENT, server_default=_NOW, nullable=False),
        sa.Column("token", sa.Text(), nullable=False, comment="signed; printed to the log as well"),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_checkpoints_pk")),
    )
    op.create_index("audit_checkpoints_seq_ix", "audit_checkpoints", ["seq"])


def downgrade() -> None:
    for table in ("audit_checkpoints", "audit_links", "audit_events", "audit_keys"):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_make_partitions(date, integer)")
    op.execute("DROP FUNCTION audit_follows()")
    op.execute("DROP FUNCTION audit_refuse()")
