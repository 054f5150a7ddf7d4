"""The tables. Times are UTC, keys are UUIDv7, and every look-up that a flow makes has its index.

`challenges` holds sign-ins, confirmations and step-ups alike (docs/decisions/0002); `enrollments.kind` is not enumerated, so a new
factor needs no migration; what is secret is sealed before it gets here (law 6).
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.messages import Delivery, Purpose
from app.store.schema import Moment, id_, moment, of_user, word

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)

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
    moment("created_at"),
    moment("last_login_at", nullable=True),
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

enrollments = Table(
    "enrollments",
    metadata,
    id_(),
    of_user(),
    Column("kind", Text, nullable=False),
    Column("state", LargeBinary, nullable=False, comment="sealed"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("label", Text),
    Column(
        "preferred", Boolean, nullable=False, server_default=text("false"), comment="asked first, by its owner's choice"
    ),
    Column("replaced_at", Moment, comment="when it took the place of another one of its kind"),
    Column("unique_index", LargeBinary, comment="blind index of a value that one user only may hold"),
    moment("created_at"),
    moment("confirmed_at", nullable=True),
)
_CONFIRMED = enrollments.c.confirmed_at.is_not(None)
Index("enrollments_confirmed_uq", enrollments.c.user_id, enrollments.c.kind, unique=True, postgresql_where=_CONFIRMED)
Index(
    "enrollments_pending_uq",
    enrollments.c.user_id,
    enrollments.c.kind,
    unique=True,
    postgresql_where=enrollments.c.confirmed_at.is_(None),
)
Index("enrollments_unique_index_uq", enrollments.c.unique_index, unique=True, postgresql_where=_CONFIRMED)

challenges = Table(
    "challenges",
    metadata,
    id_(),
    of_user(),
    Column("purpose", word(Purpose), nullable=False),
    Column("credential_version", Integer, nullable=False),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), comment="of a step-up"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("factor", Text, comment="the kind that was asked last"),
    Column("fingerprint", LargeBinary, comment="of the newest code, keyed and bound to this row"),
    Column("shown", JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment="what the client needs to see"),
    Column("sends", Integer, nullable=False, server_default=text("0"), comment="which code is the newest"),
    Column("delivery", word(Delivery), nullable=False, server_default=text("'none'")),
    moment("code_expires_at", nullable=True),
    moment("created_at"),
    moment("expires_at"),
    moment("closed_at", nullable=True),
    CheckConstraint("attempts >= 0", name="attempts"),
)
Index("challenges_user_ix", challenges.c.user_id)
Index("challenges_session_ix", challenges.c.session_id, postgresql_where=challenges.c.session_id.is_not(None))
Index("challenges_expires_ix", challenges.c.expires_at)

cooldowns = Table(
    "cooldowns",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("sends", SmallInteger, nullable=False),
    moment("next_at"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True, comment="a factor, or * for all of them together"),
    Column("streak", SmallInteger, nullable=False, comment="failures in a row"),
    moment("locked_until", nullable=True),
)

resets = Table(
    "resets",
    metadata,
    Column("digest", LargeBinary, primary_key=True, comment="of 256 random bits, so a plain SHA-256"),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_version", Integer, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

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
    moment("auth_time"),
    moment("created_at"),
    moment("rotated_at"),
    moment("expires_at"),
    Column("ended_at", Moment, comment="the database's own time: the revocation feed reads by it"),
    Column("end_reason", Text),
    CheckConstraint("(ended_at is null) = (end_reason is null)", name="ended"),
)
Index("sessions_user_ix", sessions.c.user_id, postgresql_where=sessions.c.ended_at.is_(None))
Index("sessions_ended_ix", sessions.c.ended_at, postgresql_where=sessions.c.ended_at.is_not(None))

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("role", Text, nullable=False, comment="access: published; internal: never"),
    Column("alg", Text, nullable=False),
    Column("private", LargeBinary, nullable=False, comment="sealed"),
    moment("created_at"),
)

limits = Table(
    "limits",
    metadata,
    Column("key", LargeBinary, primary_key=True, comment="a digest: says nothing about whom it limits"),
    Column("full_at", Moment, nullable=False, comment="theoretical arrival time (GCRA)"),
)

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
