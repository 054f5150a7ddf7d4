"""Building blocks of all tables: names of constraints, ids, timestamps, enums, arrays."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    ColumnElement,
    DateTime,
    Enum,
    ForeignKey,
    MetaData,
    Uuid,
    any_,
    bindparam,
    func,
    literal,
    true,
)
from sqlalchemy.types import TypeEngine

Moment = DateTime(timezone=True)
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)

ROOM = {"fillfactor": 80}
"""`postgresql_with=`: percent of a page. A row with room in its page is updated there, without index writes (PostgreSQL: HOT)."""

UNHURRIED = func.set_config("synchronous_commit", "off", true()) == "off"
"""Always true; its effect: the transaction's commit does not wait for the disk, so a crash may lose it (decisions/0020)."""


def id_() -> Column[object]:
    return Column("id", Uuid, primary_key=True)


def of_user() -> Column[object]:
    return Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


def word(words: type[StrEnum]) -> Enum:
    """A type for members of an enum, stored as their text: a new member needs no migration."""
    return Enum(words, native_enum=False, create_constraint=False, length=32, values_callable=list)


def moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, Moment, nullable=nullable)


def among(column: Column[Any], values: Collection[object]) -> ColumnElement[bool]:
    """As `in_`, with one array as the parameter: one per value would make another statement for each number of them."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def among_given(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """As `among`, with the array as the statement's parameter *name*."""
    return column == any_(bindparam(name, type_=ARRAY(column.type)))


def arrays(**kinds: TypeEngine[Any]) -> list[BindParameter[Any]]:
    """Parameters of a statement that takes many rows at once, one array per column."""
    return [bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()]
