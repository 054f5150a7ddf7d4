"""Rows as frozen records: a record's fields are the names of the columns it is read from and written to."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Row, Table, bindparam
from sqlalchemy.sql.selectable import NamedFromClause

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def columns(table: NamedFromClause, record: type["DataclassInstance"]) -> list[Any]:
    return [table.c[field.name] for field in fields(record)]


def beside(prefix: str, table: NamedFromClause, record: type["DataclassInstance"]) -> list[ColumnElement[Any]]:
    """As `columns`, with *prefix* before the names: for a statement that reads records of several types."""
    return [table.c[field.name].label(f"{prefix}_{field.name}") for field in fields(record)]


def read_beside(prefix: str, record: type[Record], row: Row[Any]) -> Record | None:
    """The record that `beside` selected; None where an outer join found no row, which has no `id`."""
    found = row._mapping  # noqa: SLF001  SQLAlchemy's public name for it
    if found[f"{prefix}_id"] is None:
        return None
    return record(**{field.name: found[f"{prefix}_{field.name}"] for field in fields(record)})


def values(record: "DataclassInstance") -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def bound(prefix: str, table: Table, names: Iterable[str]) -> dict[str, BindParameter[Any]]:
    """Parameters for the columns *names* of a statement that is made once, named with *prefix* before them (see `given`)."""
    return {name: bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in names}


def given(prefix: str, row: Mapping[str, object]) -> dict[str, object]:
    """The values of *row*, by the names of the parameters of `bound`."""
    return {f"{prefix}_{name}": value for name, value in row.items()}


def read_all(record: type[Record], rows: Iterable[Row[Any]]) -> list[Record]:
    return [record(**row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's public name for it


def read(record: type[Record], row: Row[Any] | None) -> Record | None:
    return record(**row._mapping) if row else None  # noqa: SLF001  SQLAlchemy's public name for it
