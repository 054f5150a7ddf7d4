"""Corrects the OpenAPI schemas, so that a generated client accepts what is sent and sends what is accepted."""

from collections.abc import Iterator
from typing import Any

JsonSchema = dict[str, Any]


def prefilled(body: dict[str, Any]) -> dict[str, Any]:
    """Show *body* as the example, for `openapi_extra=`, where one generated from all fields would be refused."""
    return {"requestBody": {"content": {"application/json": {"example": body}}}}


def finish(operations: list[dict[str, Any]], schemas: dict[str, JsonSchema]) -> None:
    """Allow answers further fields, require their constant ones, and remove the defaults of request fields.

    A generated client may otherwise take a field that has a default for a required one.
    """
    for schema in _reached([_contents(answer) for one in operations for answer in one["responses"].values()], schemas):
        if schema.get("additionalProperties") is False:
            del schema["additionalProperties"]
        fixed = {name for name, field in schema.get("properties", {}).items() if "const" in field}
        if missing := fixed - set(schema.get("required", ())):
            schema["required"] = [*sorted(missing), *schema.get("required", ())]
    for schema in _reached([_contents(one.get("requestBody", {})) for one in operations], schemas):
        for field in schema.get("properties", {}).values():
            field.pop("default", None)


def _contents(part: dict[str, Any]) -> list[JsonSchema]:
    return [content["schema"] for content in part.get("content", {}).values() if "schema" in content]


def _reached(contents: list[list[JsonSchema]], schemas: dict[str, JsonSchema]) -> Iterator[JsonSchema]:
    seen: set[str] = set()
    for content in contents:
        for schema in content:
            yield from _within(schema, schemas, seen)


def _within(schema: JsonSchema, schemas: dict[str, JsonSchema], seen: set[str]) -> Iterator[JsonSchema]:
    """Yield *schema* and the schemas inside it, each component once."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name in seen or (name and name not in schemas):
        return
    if name:
        seen.add(name)
        schema = schemas[name]
    yield schema
    inside = [schema.get("items"), schema.get("additionalProperties"), *schema.get("properties", {}).values()]
    inside += [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    for child in inside:
        if isinstance(child, dict):
            yield from _within(child, schemas, seen)
