"""The OpenAPI document: what a frontend developer, or a generator of clients, has to find in it."""

from collections.abc import Iterator
from typing import Any

from app.api.guard import admissions
from tests.world import World

Operation = dict[str, Any]
FORMS = {"POST /webhooks/plivo/{receipt}": "application/x-www-form-urlencoded"}
"""The one exception of the contract: what Plivo sends."""


def operations(world: World) -> Iterator[tuple[str, Operation]]:
    for path, methods in world.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_is_described(world: World) -> None:
    for name, operation in operations(world):
        assert operation["summary"], name
        assert operation["description"].strip().endswith("."), name
        assert operation["tags"], name


def test_operation_ids_are_stable_and_unique(world: World) -> None:
    ids = {operation["operationId"]: name for name, operation in operations(world)}
    assert len(ids) == len(list(operations(world)))
    assert ids["login"] == "POST /login"
    assert ids["verify_otp"] == "POST /verify-otp"
    assert all(id_.isidentifier() and id_ == id_.lower() for id_ in ids)


def test_every_guarded_operation_shows_its_scheme_and_its_401(world: World) -> None:
    guards = dict(admissions(world.app))
    for name, operation in operations(world):
        guard = guards[name]
        if guard:
            either: list[dict[str, list[str]]] = [{"AccessToken": []}] if guard.scheme_name == "EnrollmentToken" else []
            assert operation["security"] == [{guard.scheme_name: []}, *either], name
            assert "invalid_token" in operation["responses"]["401"]["content"]["application/problem+json"]["examples"]
    assert set(world.app.openapi()["components"]["securitySchemes"]) == {
        "AccessToken",
        "PendingToken",
        "EnrollmentToken",
    }


def test_every_refusal_has_an_example_and_every_body_a_schema(world: World) -> None:
    for name, operation in operations(world):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"]["application/problem+json"]["examples"], (name, status)
        if "requestBody" in operation:
            assert list(operation["requestBody"]["content"]) == [FORMS.get(name, "application/json")], name
            assert {"400", "413", "415", "422"} <= set(operation["responses"]), name


def test_every_text_that_is_sent_has_a_longest_length(world: World) -> None:
    """V1.3.3: a limit on every string a client sends, by maxLength, a pattern or a format."""
    components = world.app.openapi()["components"]["schemas"]
    for name, operation in operations(world):
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            for text in _texts(content["schema"], components):
                assert {"maxLength", "pattern", "format", "const", "enum"} & set(text), (name, text)


def test_every_field_shows_what_stands_in_it(world: World) -> None:
    """Swagger and ReDoc build whole examples out of these."""
    telling = {"examples", "const", "enum", "format", "$ref", "items", "default", "anyOf", "oneOf"}
    for name, schema in world.app.openapi()["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            assert name == "Problem" or shape.get("type") == "boolean" or telling & set(shape), (name, field)


def _texts(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "string":
        yield schema
    for child in (*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("oneOf", [])):
        yield from _texts(child, components)
