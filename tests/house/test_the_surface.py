"""What the app offers, as a whole: no route that should not be there, no secret in an address, no answer without a shape."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from starlette.routing import Mount, WebSocketRoute

from tests import postgres
from tests.world import World

ROOT = Path(__file__).parents[2]
SECRET_NAMES = {"token", "code", "password", "otp", "secret", "phone", "phone_number", "email", "access_token"}
NO_SHAPE = {
    "GET /.well-known/jwks.json",
    "GET /problems",
    "GET /problems/{code}",
    "GET /metrics",
    "GET /sessions/revocations",
}
"""Documents whose form a standard gives, or pages."""
NOTED = {"audit_events", "audit_links", "audit_keys", "audit_checkpoints", "alembic_version", "outbox", "limits"}
"""What goes on beside the requests, or counts them: events are chained, mails leave."""
SEEN = {"sessions": "seen_at", "devices": "seen_at"}


def operations(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in world.app.openapi()["paths"].items():
        yield from ((f"{method.upper()} {path}", operation) for method, operation in methods.items())


def fields(world: World) -> set[str]:
    schemas = world.app.openapi()["components"]["schemas"].values()
    return {field for schema in schemas for field in schema.get("properties", {})}


def test_there_is_no_websocket_no_mount_and_no_other_query_language(world: World) -> None:
    assert not [route for route in world.app.routes if isinstance(route, WebSocketRoute | Mount)]
    locked = (ROOT / "requirements" / "main.txt").read_text()
    assert not re.search(r"^(graphql|strawberry|ariadne|graphene|pysaml|python3-saml)", locked, re.MULTILINE)


def test_nobody_uploads_a_file(world: World) -> None:
    taken = {
        media for _, operation in operations(world) for media in operation.get("requestBody", {}).get("content", {})
    }
    assert taken == {"application/json", "application/x-www-form-urlencoded"}
    assert not {field for field in fields(world) if "file" in field}


def test_no_secret_stands_in_an_address(world: World) -> None:
    """The token of a receipt only says which message: a signature proves the call. The dev inbox is for development."""
    for name, operation in operations(world):
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] != "header"}
        assert not named & SECRET_NAMES or name == "GET /problems/{code}", name


def test_nobody_is_asked_a_secret_question(world: World) -> None:
    assert not {field for field in fields(world) if re.search("hint|question|maiden|pet_|birth", field)}


def test_every_answer_has_a_shape_of_its_own(world: World) -> None:
    for name, operation in operations(world):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if int(status) < 300 and content and name not in NO_SHAPE:
                assert "$ref" in str(content["schema"]), (name, status)


def test_passwords_are_written_and_never_read(world: World) -> None:
    schemas = world.app.openapi()["components"]["schemas"]
    shapes = [
        schema["properties"][field]
        for schema in schemas.values()
        for field in schema.get("properties", {})
        if "password" in field and field != "password_expired"
    ]
    secret = [shape for shape in shapes if shape.get("format") == "password"]
    assert secret
    assert all(shape["writeOnly"] for shape in secret)


async def test_reading_changes_nothing(world: World, sweeper: asyncpg.Connection) -> None:
    """Every GET, with a token and without: but for when a session was seen, the log of events, and how many it may hold."""
    ada = await world.with_phone()
    await ada.login()
    before = await _everything(sweeper)
    asked = 0
    for name, _ in operations(world):
        method, _, path = name.partition(" ")
        if method == "GET":
            for token in ("", ada.access_token, ada.mfa_token):
                await ada.call("GET", re.sub(r"\{\w+\}", str(uuid4()), path), token=token)
                asked += 1
    assert asked > 30
    assert await _everything(sweeper) == before


async def test_a_fresh_database_holds_nobody(postgres_url: str) -> None:
    connection = await postgres.connect(await postgres.create_migrated(postgres_url, "fresh_house"))
    try:
        held = await _everything(connection)
    finally:
        await connection.close()
        await postgres.drop(postgres_url, "fresh_house")
    assert "users" in held
    assert [name for name, rows in held.items() if rows] == []


async def _everything(connection: asyncpg.Connection) -> dict[str, list[str]]:
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    names = sorted(row["tablename"] for row in tables if not row["tablename"].startswith(tuple(NOTED)))
    return {name: await _rows(connection, name) for name in names}


async def _rows(connection: asyncpg.Connection, table: str) -> list[str]:
    rows = await connection.fetch(f'SELECT to_jsonb(t) - $1 AS row FROM "{table}" t', SEEN.get(table, ""))  # noqa: S608
    return sorted(row["row"] for row in rows)
