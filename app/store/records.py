"""Rows as frozen records: a record's fields are the names of the columns it is read from and written to."""

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Column, Row, Table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def columns(table: Table, record: type["DataclassInstance"]) -> list[Column[Any]]:
    return [table.c[field.name] for field in fields(record)]


def values(record: "DataclassInstance") -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def read_all(record: type[Record], rows: Iterable[Row[Any]]) -> list[Record]:
    return [record(**row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's public name for it


def read(record: type[Record], row: Row[Any] | None) -> Record | None:
    return record(**row._mapping) if row else None  # noqa: SLF001  SQLAlchemy's public name for it
