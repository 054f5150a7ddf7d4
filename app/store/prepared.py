"""Frequent statements: made once, compiled once, and sent by asyncpg itself.

SQLAlchemy's overhead per statement costs several times the statement (docs/decisions/0018-the-short-way.md).
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias, cast

from sqlalchemy import ARRAY, ClauseElement, Executable
from sqlalchemy.types import TypeEngine

from app.store.connections import DIALECT, driver
from app.store.database import Tx

_Converter: TypeAlias = Callable[[Any], Any]


class Prepared:
    """A statement with named parameters, always the same number of them: `any` of an array, not `in_` a list."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    async def rows(self, tx: Tx, given: Mapping[str, Any]) -> list[Any]:
        """All rows, as named tuples that have `_mapping`, as SQLAlchemy's have.

        Raises asyncpg's own errors; where the transaction ends, those of a database that is gone become DatabaseUnavailable.
        """
        make, readers = self._row
        found = await driver(tx).fetch(self.sql, *self.arguments(given))
        if not readers:
            return [make(*row) for row in found]
        return [make(*(read(one) if read else one for read, one in zip(readers, row, strict=True))) for row in found]

    async def row(self, tx: Tx, given: Mapping[str, Any]) -> Any | None:  # noqa: ANN401  of the statement's own type
        """The only row, or None; raise LookupError when there are more."""
        rows = await self.rows(tx, given)
        if len(rows) > 1:
            raise LookupError("more than one row")
        return rows[0] if rows else None

    async def one(self, tx: Tx, given: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """The only row; raise LookupError when there is none, or more."""
        row = await self.row(tx, given)
        if row is None:
            raise LookupError("no row")
        return row

    async def count(self, tx: Tx, given: Mapping[str, Any]) -> int:
        """Execute the statement, and return how many rows it changed."""
        status: str = await driver(tx).execute(self.sql, *self.arguments(given))
        return int(status.rpartition(" ")[2])

    @cached_property
    def sql(self) -> str:
        return str(self._compiled)

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        """The arguments in the statement's order, converted for asyncpg."""
        values = {**self._fixed, **given}
        return [write(values[name]) if write else values[name] for name, write in self._parameters]

    @cached_property
    def _compiled(self) -> Any:  # noqa: ANN401
        return cast("ClauseElement", self._statement).compile(dialect=DIALECT)

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        """The constants of the statement, by name."""
        return {name: bind.value for name, bind in self._compiled.binds.items() if not bind.required}

    @cached_property
    def _parameters(self) -> list[tuple[str, _Converter | None]]:
        binds = self._compiled.binds
        names: list[str] = self._compiled.positiontup
        return [(name, _writer(binds[name].type)) for name in names]

    @cached_property
    def _row(self) -> tuple[Callable[..., Any], list[_Converter | None]]:
        columns = self._statement.exported_columns  # type: ignore[attr-defined]  # of whatever returns rows
        readers = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
        row = namedtuple("row", [column.key for column in columns])  # type: ignore[misc]  # noqa: PYI024
        row._mapping = property(row._asdict)  # type: ignore[attr-defined]  # noqa: SLF001
        return row, readers if any(readers) else []


def _writer(kind: TypeEngine[Any]) -> _Converter | None:
    """The converter of a value for asyncpg; None where none is needed, as for lists of values that need none."""
    if isinstance(kind, ARRAY) and _writer(kind.item_type) is None:
        return None
    return kind.dialect_impl(DIALECT).bind_processor(DIALECT)
