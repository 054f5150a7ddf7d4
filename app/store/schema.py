"""What all tables are made of: ids, moments, words."""

from enum import StrEnum

from sqlalchemy import Column, DateTime, Enum, ForeignKey, Uuid

Moment = DateTime(timezone=True)


def id_() -> Column[object]:
    return Column("id", Uuid, primary_key=True)


def of_user() -> Column[object]:
    return Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def word(words: type[StrEnum]) -> Enum:
    """Read and written as a member, stored as its text: a new word needs no migration."""
    return Enum(words, native_enum=False, create_constraint=False, length=32, values_callable=list)


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Moment, nullable=nullable)
