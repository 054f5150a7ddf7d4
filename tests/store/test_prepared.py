"""Statements that are sent past SQLAlchemy: the same SQL, the same values, the same rows."""

import importlib
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import ARRAY, Boolean, Integer, Interval, Select, Text, Uuid, bindparam, insert, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

import app.store
from app.store.database import Database
from app.store.prepared import Prepared
from app.store.schema import Moment
from app.store.tables import enrollments, users

AT = datetime(2029, 1, 1, 12, tzinfo=UTC)
USER = UUID(int=7)
VALUES: dict[str, tuple[Any, object]] = {
    "moment": (Moment, AT),
    "pause": (Interval(), timedelta(hours=30)),
    "id": (Uuid(), USER),
    "facts": (JSONB(), {"deep": [1, None, "ü"]}),
    "words": (Text(), "it's $1"),
    "ids": (ARRAY(Uuid()), [USER, None]),
    "looks": (ARRAY(Boolean()), [True, False, None]),
    "moments": (ARRAY(Moment), []),
}


def known() -> dict[str, Prepared]:
    modules = [importlib.import_module(one.name) for one in pkgutil.iter_modules(app.store.__path__, "app.store.")]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Prepared)
    }


def test_each_is_one_statement_whatever_it_is_given() -> None:
    """What depends on the values, as `in_` does, would be filled in by SQLAlchemy at the last moment."""
    statements = known()
    assert len(statements) > 10
    assert [
        name for name, one in statements.items() if "POSTCOMPILE" in one.sql or ":" in one.sql.replace("::", "")
    ] == []


@pytest.mark.parametrize("name", VALUES)
async def test_values_come_back_as_they_went(database: Database, name: str) -> None:
    kind, value = VALUES[name]
    statement: Select[Any] = select(bindparam("given", type_=kind).label("found"))
    async with database.read() as tx:
        mine, theirs = (
            await Prepared(statement).one(tx, {"given": value}),
            (await tx.execute(statement, {"given": value})).one(),
        )
    assert mine.found == theirs.found == value
    assert mine._mapping == dict(theirs._mapping)
    assert tuple(mine) == tuple(theirs)


async def test_rows_of_a_table_are_read_as_sqlalchemy_reads_them(database: Database) -> None:
    row = {"id": USER, "email": "ada@example.test", "email_folded": "ada@example.test", "password_hash": "x"}
    add = Prepared(
        insert(users).values(
            {name: bindparam(f"new_{name}", type_=users.c[name].type) for name in (*row, "locale", "created_at")}
        )
    )
    given = {f"new_{name}": value for name, value in row.items()} | {"new_locale": "en", "new_created_at": AT}
    every = select(users, enrollments.c.kind).outerjoin(enrollments, enrollments.c.user_id == users.c.id)
    async with database.begin() as tx:
        assert await add.count(tx, given) == 1
        mine, theirs = await Prepared(every).rows(tx, {}), (await tx.execute(every)).all()
    assert [tuple(one) for one in mine] == [tuple(one) for one in theirs]
    assert mine[0].id == USER
    assert mine[0].kind is None


async def test_no_row_one_row_more_than_one(database: Database) -> None:
    numbers = Prepared(
        text("SELECT * FROM generate_series(1, :last) AS number").columns(number=Moment).bindparams(last=0)
    )
    async with database.read() as tx:
        assert await numbers.rows(tx, {}) == []
        assert await numbers.row(tx, {}) is None
        with pytest.raises(LookupError, match="no row"):
            await numbers.one(tx, {})
        assert (await numbers.one(tx, {"last": 1})).number == 1
        with pytest.raises(LookupError, match="more than one row"):
            await numbers.row(tx, {"last": 2})


async def test_a_constant_of_the_statement_needs_no_value_and_a_parameter_does(database: Database) -> None:
    statement = Prepared(select(literal(5).label("five"), bindparam("given", type_=Text()).label("given")))
    async with database.read() as tx:
        assert tuple(await statement.one(tx, {"given": "x"})) == (5, "x")
        with pytest.raises(KeyError, match="given"):
            await statement.one(tx, {})


async def test_an_error_keeps_its_state(database: Database) -> None:
    """Whoever catches it looks at the class; what a database that is gone says becomes DatabaseUnavailable (test_transactions)."""
    divide = Prepared(text("SELECT 1 / :by AS found").columns(found=Integer).bindparams(bindparam("by", 0, Integer)))
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.read() as tx:
            await divide.one(tx, {})
