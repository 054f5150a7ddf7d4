"""Every route of the real app that takes JSON reads it as strictly as the next one, whoever sends it."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI

from app.store.tables import metadata
from tests.world import World

JSON = {"Content-Type": "application/json"}
COLUMNS = sorted({c.name for table in ("users", "enrollments", "sessions") for c in metadata.tables[table].columns})
DEEP = b'{"a":' * 9 + b"1" + b"}" * 9


@dataclass(frozen=True)
class Route:
    """One that takes JSON. `open`: with an access token, or none, its body is looked at."""

    method: str
    path: str
    open: bool
    shapes: tuple[dict[str, Any], ...]

    @property
    def address(self) -> str:
        return "/".join(str(uuid4()) if part.startswith("{") else part for part in self.path.split("/"))


def routes(app: FastAPI) -> Iterator[Route]:
    document = app.openapi()
    known = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                doors = operation.get("security", [{}])
                is_open = any(not door or "AccessToken" in door for door in doors)
                yield Route(method.upper(), path, is_open, tuple(_shapes(content["schema"], known)))


def _shapes(schema: dict[str, Any], known: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in schema.get("anyOf", schema.get("oneOf", [schema])):
        if "$ref" in one:
            yield known[one["$ref"].rpartition("/")[2]]


@pytest.fixture
def all_routes(world: World) -> list[Route]:
    found = list(routes(world.app))
    assert len(found) >= 16
    return found


async def told(world: World, route: Route, content: bytes, token: str = "", **headers: str) -> tuple[int, str]:
    """What the route says; that it may say so is checked by the client."""
    more = {"Authorization": f"Bearer {token}"} if token else {}
    given = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}, **more}
    answer = await world.client.request(route.method, route.address, content=content, headers=given)
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"email":"a@example.test","email":"b@example.test"}', id="a119 duplicate names"),
        pytest.param(b'{"code":%s}' % (b"9" * 5000), id="a121 an integer of 5000 digits"),
        pytest.param(b'{"code":1e400}', id="a121 1e400"),
        pytest.param(b'{"email":NaN}', id="a122 NaN"),
        pytest.param(b'{"email":-Infinity}', id="a122 Infinity"),
        pytest.param('{"email":"a"}'.encode("utf-16"), id="a124 UTF-16"),
        pytest.param('{"email":"a"}'.encode("utf-32-le"), id="a124 UTF-32"),
        pytest.param('{"email":"a"}'.encode("utf-8-sig"), id="a124 a byte order mark"),
        pytest.param(b'{"email":"\xff"}', id="a124 no UTF-8"),
        pytest.param(DEEP, id="nested too deep"),
    ],
)
async def test_a119_a121_a122_a124_what_could_be_read_twice_is_read_by_no_route(
    world: World, all_routes: list[Route], content: bytes
) -> None:
    for route in all_routes:
        assert await told(world, route, content) == (400, "malformed_request"), route


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/evil+json",
        "application/json;charset=utf-7",
        "",
    ],
)
async def test_a125_no_route_reads_json_under_another_name(
    world: World, all_routes: list[Route], media_type: str
) -> None:
    for route in all_routes:
        refused = await told(world, route, b"{}", Content_Type=media_type)
        assert refused == (415, "unsupported_media_type"), route


async def test_a127_no_route_inflates_a_body(world: World, all_routes: list[Route]) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    for route in all_routes:
        for coding in ("gzip", "br"):
            refused = await told(world, route, bomb, Content_Encoding=coding)
            assert refused == (415, "unsupported_media_type"), route


async def test_a121_no_number_passes_for_something_else(world: World, all_routes: list[Route]) -> None:
    token = await somebody(world)
    for route in all_routes:
        for number in (b"-0", b"9223372036854775808", b"1.5"):
            for name in fields(route):
                status, code = await told(world, route, b'{"%s":%s}' % (name.encode(), number), token)
                assert (status, code) in expected(route), (route, name, number)


async def test_whoever_mistypes_reads_a_sentence_and_no_pattern(world: World) -> None:
    ada = {"Authorization": f"Bearer {await somebody(world)}"}
    for method, path, body, field in (
        ("PUT", "/me/email", {"email": "ada"}, "email"),
        ("POST", "/me/email/confirm", {"code": "12345"}, "code"),
        ("PATCH", "/me", {"display_name": "A\ada"}, "display_name"),
        ("PATCH", "/me", {"locale": "Deutsch"}, "locale"),
        ("POST", "/login", {"email": "ada@example.test", "password": "x", "factor": "SMS"}, "factor"),
        ("POST", "/me/factors", {"factor": "sms", "phone_number": "0171 1234567"}, "phone_number"),
        ("POST", "/me/factors", {"factor": "totp", "label": "my\btablet"}, "label"),
        ("POST", "/me/factors", {"factor": "totp", "email_code": "12345"}, "email_code"),
        ("POST", f"/me/factors/{uuid4()}/confirm", {"code": "12345"}, "code"),
    ):
        answer = await world.client.request(method, path, json=body, headers=ada)
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["pointer"]) == (422, f"#/{field}")
        assert not re.search("Must match|not acceptable", fault["detail"]), (field, fault)


async def test_a137_no_route_makes_a_string_of_another_type(world: World, all_routes: list[Route]) -> None:
    token = await somebody(world)
    for route in all_routes:
        for name in fields(route):
            for value in (True, 1, ["x"], {"$gt": ""}, {}):
                content = json.dumps({name: value}).encode()
                assert await told(world, route, content, token) in expected(route), (route, name, value)


async def test_a137_no_route_takes_something_else_for_an_object(world: World, all_routes: list[Route]) -> None:
    token = await somebody(world)
    for route in all_routes:
        for content in (b"[]", b"1", b'"x"', b"true", b"[{}]"):
            assert await told(world, route, content, token) in expected(route), (route, content)


async def test_a136_no_route_takes_a_column_that_is_no_field_of_its(
    world: World, all_routes: list[Route], sweeper: asyncpg.Connection
) -> None:
    """Each beside what the route takes."""
    token = await somebody(world)
    before = await sweeper.fetch("SELECT * FROM users ORDER BY id")
    for route in all_routes:
        declared = {name for shape in route.shapes for name in shape["properties"]}
        for column in COLUMNS:
            if column not in declared:
                content = json.dumps({**example(route), column: "x"}).encode()
                assert await told(world, route, content, token) in expected(route), (route, column)
    assert await sweeper.fetch("SELECT * FROM users ORDER BY id") == before


def fields(route: Route) -> list[str]:
    """Its fields of text."""
    named = {
        name
        for shape in route.shapes
        for name, field in shape["properties"].items()
        if any(one.get("type") == "string" for one in field.get("anyOf", [field]))
    }
    assert named, route
    return sorted(named)


def example(route: Route) -> dict[str, Any]:
    """A body that the route takes, but for one field too many."""
    shape = route.shapes[0]
    return {name: shape["properties"][name].get("examples", ["x"])[0] for name in shape.get("required", ())}


def expected(route: Route) -> set[tuple[int, str]]:
    """What a route that wants another kind of token says first of all."""
    return {(422, "validation_failed")} if route.open else {(401, "invalid_token"), (403, "insufficient_scope")}


async def somebody(world: World) -> str:
    ada = await world.signed_up()
    await ada.sign_in()
    return ada.access_token


async def test_a133_no_header_or_query_makes_another_method_of_a_request(world: World) -> None:
    token = await somebody(world)
    ada = {"Authorization": f"Bearer {token}"}
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"):
        seen = await world.client.get("/me", headers={**ada, name: "DELETE"}, params={"_method": "DELETE"})
        ended = await world.client.post("/me/sessions", headers={**ada, name: "DELETE"}, params={"_method": "DELETE"})
        assert (seen.status_code, ended.status_code) == (200, 405)
    assert (await world.client.get("/session", headers=ada)).status_code == 200


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "DEBUG", "PROPFIND"])
async def test_a133_a_method_that_nobody_serves_is_refused_and_not_echoed(world: World, method: str) -> None:
    answer = await world.client.request(method, "/me", headers={"Authorization": "Bearer hunter2"})

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "hunter2" not in answer.text


def plain_paths(app: FastAPI) -> list[str]:
    return [path for path, operations in app.openapi()["paths"].items() if "{" not in path and "get" in operations]


@pytest.mark.parametrize(
    "trick",
    [
        "/{}",
        "{}/",
        "{};.json",
        "{}%00",
        "/%2e%2e{}",
        "{}%2f",
        "{}/x.css",
        "{}.css",
        "{}%20",
        "{}%3f",
    ],
)
async def test_a134_a142_a_path_is_served_as_it_is_written_and_no_other(world: World, trick: str) -> None:
    token = await somebody(world)
    paths = plain_paths(world.app)
    assert len(paths) >= 10
    for path in paths:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await world.client.get(trick.format(path).replace("//", "/%2f", 1), headers=headers)
        # 405 where a neighbour has a parameter there, and another method.
        assert (answer.status_code, answer.json()["code"]) in {(404, "not_found"), (405, "method_not_allowed")}, path
        assert "location" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


async def test_a134_case_is_part_of_a_path(world: World) -> None:
    for path in plain_paths(world.app):
        assert (await world.client.get(path.upper())).status_code == 404


async def test_a139_what_the_database_says_of_a_crash_stays_inside(world: World, sweeper: asyncpg.Connection) -> None:
    await sweeper.execute("ALTER TABLE users RENAME COLUMN email TO e_mail")
    try:
        answer = await world.client.post("/login", json={"email": "ada@example.test", "password": "hunter2" * 3})
    finally:
        await sweeper.execute("ALTER TABLE users RENAME COLUMN e_mail TO email")

    assert answer.status_code == 500
    assert answer.json() == {
        "type": "http://127.0.0.1:8000/problems/internal_error",
        "title": "Something went wrong here",
        "status": 500,
        "code": "internal_error",
    }
