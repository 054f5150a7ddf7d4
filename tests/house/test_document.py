"""The OpenAPI document: what a frontend developer, or a generator of clients, has to find in it."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from app.api.guard import admissions
from tests.world import World

Operation = dict[str, Any]
FORMS = {"POST /webhooks/plivo/{receipt}": "application/x-www-form-urlencoded"}
"""The one exception of the contract: what Plivo sends."""
FIRST_FACTOR_ONLY = {"POST /me/factors/email-code"}
"""Its guard lets an access token through, and its story refuses that."""
NO_BOOLEANS = ("yes", "on", "true", 1, 0, 1.0)


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
            either = guard.scheme_name == "EnrollmentToken" and name not in FIRST_FACTOR_ONLY
            schemes = [guard.scheme_name, *(["AccessToken"] if either else [])]
            assert operation["security"] == [{scheme: []} for scheme in schemes], name
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


async def test_what_is_prefilled_has_the_form_of_a_body(world: World) -> None:
    """Swagger sends it as it is: what is refused is who sends it, not its form."""
    shown = {name: body for name, operation in operations(world) if (body := _prefilled(operation))}
    assert shown["POST /login"].keys() == {"email", "password"}
    assert {"POST /token/refresh", "POST /logout", "PUT /me/password"} < set(shown)
    ada = await world.signed_up()
    await ada.sign_in()
    for name, body in shown.items():
        method, path = name.split()
        answer = await ada.call(method, path, body, token=ada.access_token)
        assert answer.status_code not in {400, 422}, (name, answer.text)


async def test_what_is_no_boolean_is_refused_wherever_one_is_wanted(world: World) -> None:
    ada = await world.signed_up()
    await ada.sign_in()
    found = [(name, field) for name, operation in operations(world) for field in _booleans(world, operation)]
    assert {field for _, field in found} == {"remember_device", "cookie", "default"}
    for name, field in found:
        method, _, path = name.partition(" ")
        for value in NO_BOOLEANS:
            answer = await ada.call(method, re.sub(r"\{\w+\}", str(uuid4()), path), {field: value})
            told = {one["pointer"]: one["detail"] for one in answer.json()["errors"]}
            assert told[f"#/{field}"] == "Must be true or false.", (name, field, value)


def test_no_field_of_a_body_has_a_default(world: World) -> None:
    """Generators of clients make a field required that has one."""
    components = world.app.openapi()["components"]["schemas"]
    for name, operation in operations(world):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for schema in _schemas(content["schema"], components):
                assert not [field for field, shape in schema.get("properties", {}).items() if "default" in shape], name


def test_answers_may_grow_and_what_tells_them_apart_is_always_there(world: World) -> None:
    components = world.app.openapi()["components"]["schemas"]
    assert components["EnrollmentBegun"]["description"]
    for name, operation in operations(world):
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                for schema in _schemas(content.get("schema", {}), components):
                    assert schema.get("additionalProperties") is not False, (name, schema)
                    fixed = {field for field, shape in schema.get("properties", {}).items() if "const" in shape}
                    assert fixed <= set(schema.get("required", ())), (name, schema)


def test_every_reference_leads_somewhere(world: World) -> None:
    document = world.app.openapi()
    for reference in set(re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(document))):
        assert reference[1] in document["components"][reference[0]], reference


def test_the_routes_of_the_cookie_declare_its_header(world: World) -> None:
    found = dict(operations(world))
    asking = {name for name, one in found.items() if "X-Gatehouse-CSRF" in str(one.get("parameters"))}
    assert asking == {"POST /token/refresh", "POST /logout"}


def test_a_code_that_no_sign_in_counts_is_shown_without_attempts(world: World) -> None:
    assert "attempts_left" not in _wrong_code(world, "/login")
    assert _wrong_code(world, "/verify-otp")["attempts_left"] == 4


def _wrong_code(world: World, path: str) -> dict[str, Any]:
    refused = world.app.openapi()["paths"][path]["post"]["responses"]["401"]["content"]["application/problem+json"]
    shown: dict[str, Any] = refused["examples"]["invalid_mfa_code"]["value"]
    return shown


def _prefilled(operation: Operation) -> dict[str, Any] | None:
    body: dict[str, Any] | None = (
        operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    )
    return body


def _booleans(world: World, operation: Operation) -> set[str]:
    components = world.app.openapi()["components"]["schemas"]
    contents = operation.get("requestBody", {}).get("content", {}).values()
    schemas = [schema for content in contents for schema in _schemas(content["schema"], components)]
    fields = [(name, shape) for schema in schemas for name, shape in schema.get("properties", {}).items()]
    return {
        name for name, shape in fields if "boolean" in {one.get("type") for one in [shape, *shape.get("anyOf", ())]}
    }


def _schemas(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """*schema* and those inside it; none of them holds itself."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    yield schema
    inside = [schema.get("items"), *schema.get("properties", {}).values()]
    for child in [*inside, *schema.get("anyOf", []), *schema.get("oneOf", [])]:
        if isinstance(child, dict):
            yield from _schemas(child, components)


def _texts(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "string":
        yield schema
    for child in (*schema.get("properties", {}).values(), *schema.get("anyOf", []), *schema.get("oneOf", [])):
        yield from _texts(child, components)
