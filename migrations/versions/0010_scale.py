"""Let what is somebody's be found when all of it is wanted: by an export, and by whatever goes with a deleted user.

And partitions of the audit log are made in nobody's way, also for rows that lie in a default partition by now. Nobody waits
for an index that is made, CONCURRENTLY; one that was left half made is made anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INDEXES = (
    ("sessions_of_user_ix", "sessions", ["user_id", "ended_at"]),
    ("enrollments_user_ix", "enrollments", ["user_id"]),
    ("audit_checkpoints_at_ix", "audit_checkpoints", ["at"]),
)

MAKE_PARTITIONS = """
CREATE OR REPLACE FUNCTION audit_make_partitions(first date, months integer) RETURNS integer
LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$
DECLARE
    parent text;
    moment text;
    spare text;
    name text;
    month timestamp;
    held timestamp[];
    missing timestamp[];
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(1734440051);
    FOREACH parent IN ARRAY ARRAY['audit_events', 'audit_links'] LOOP
        moment := CASE parent WHEN 'audit_events' THEN 'written_at' ELSE 'sealed_at' END;
        spare := parent || '_default';
        EXECUTE format(
            'SELECT coalesce(array_agg(DISTINCT date_trunc(''month'', %1$I AT TIME ZONE ''utc'')), ''{}'') FROM %2$I WHERE %1$I < %3$L',
            moment, spare, (date_trunc('month', first::timestamp) + make_interval(months => months))::text || '+00'
        ) INTO held;
        missing := ARRAY(
            SELECT m FROM (
                SELECT date_trunc('month', first::timestamp) + make_interval(months => n)
                FROM generate_series(0, months - 1) AS n
                UNION SELECT unnest(held)
            ) AS wanted (m)
            WHERE to_regclass(parent || to_char(m, '_YYYYMM')) IS NULL ORDER BY m
        );
        IF held && missing THEN
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, spare);
        END IF;
        FOREACH month IN ARRAY missing LOOP
            name := parent || to_char(month, '_YYYYMM');
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                name, parent, month::text || '+00', (month + interval '1 month')::text || '+00'
            );
            IF month = ANY (held) THEN
                EXECUTE format(
                    'WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) INSERT INTO %5$I SELECT * FROM moved',
                    spare, moment, month::text || '+00', (month + interval '1 month')::text || '+00', name
                );
            END IF;
            EXECUTE format(
                'CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION audit_refuse()', name
            );
            made := made + 1;
        END LOOP;
        IF held && missing THEN
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', parent, spare);
        END IF;
    END LOOP;
    RETURN made;
END $$
"""
"""Of 0006, which stopped for good once a row lay in a default partition, and let whoever writes wait for whoever reads."""


def upgrade() -> None:
    op.execute(MAKE_PARTITIONS)
    with op.get_context().autocommit_block():
        for name, table, columns in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True)
        op.drop_index("sessions_user_ix", table_name="sessions", if_exists=True, postgresql_concurrently=True)


def downgrade() -> None:
    """`audit_make_partitions` stays: it does on 0009 all that the one of 0006 did, which would stop at rows in a default."""
    op.create_index("sessions_user_ix", "sessions", ["user_id"], postgresql_where=sa.text("ended_at IS NULL"))
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
