"""Tables: enrolled factors, challenges, cool-downs of codes, and streaks of wrong answers."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.messages import Delivery, Purpose
from app.store.schema import ROOM, Moment, id_, metadata, moment, of_user, word

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
    postgresql_with=ROOM,
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
Index("enrollments_user_ix", enrollments.c.user_id)
Index("enrollments_unconfirmed_ix", enrollments.c.created_at, postgresql_where=enrollments.c.confirmed_at.is_(None))
Index("enrollments_unique_index_uq", enrollments.c.unique_index, unique=True, postgresql_where=_CONFIRMED)

challenges = Table(
    "challenges",
    metadata,
    id_(),
    of_user(),
    Column("purpose", word(Purpose), nullable=False),
    Column("credential_version", Integer, nullable=False),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), comment="of a step-up"),
    Column("device_id", Uuid, ForeignKey("devices.id", ondelete="SET NULL"), comment="the known device it came from"),
    Column("remember", Boolean, nullable=False, server_default=text("false"), comment="trust the device, once proved"),
    Column("cookie", Boolean, nullable=False, server_default=text("false"), comment="the refresh token goes there"),
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
    postgresql_with=ROOM,
)
Index("challenges_user_ix", challenges.c.user_id)
Index("challenges_session_ix", challenges.c.session_id, postgresql_where=challenges.c.session_id.is_not(None))
Index("challenges_device_ix", challenges.c.device_id, postgresql_where=challenges.c.device_id.is_not(None))
Index("challenges_expires_ix", challenges.c.expires_at)

cooldowns = Table(
    "cooldowns",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("sends", SmallInteger, nullable=False),
    moment("next_at"),
)
Index("cooldowns_next_ix", cooldowns.c.next_at)

budgets = Table(
    "budgets",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True, comment="a factor, or * for all of them together"),
    Column("streak", SmallInteger, nullable=False, comment="failures in a row"),
    moment("locked_until", nullable=True),
)
Index(
    "budgets_clear_ix",
    budgets.c.user_id,
    postgresql_where=(budgets.c.streak == 0) & budgets.c.locked_until.is_(None),
)
