"""What is not declared, or is of another type, is refused: nothing is guessed and nothing is set unasked."""

import json
from typing import Any

import pytest
from httpx import AsyncClient

GOOD = b'{"email":"anna@example.com","password":"long enough"}'


JSON = {"Content-Type": "application/json"}


async def refused(client: AsyncClient, body: bytes, headers: dict[str, str] = JSON) -> tuple[int, str]:
    answer = await client.post("/people", content=body, headers=headers)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("field", ["id", "user_id", "is_admin", "password_hash", "created_at", "__proto__", "Email"])
async def test_a136_a_field_that_is_not_declared_is_refused(client: AsyncClient, field: str) -> None:
    answer = await client.post("/people", json=json.loads(GOOD) | {field: "x"})

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"] == [
        {"pointer": "#", "detail": "A field here is not known. The API description lists those that are."}
    ]


@pytest.mark.parametrize("value", [True, 1, ["a@example.com"], {"$gt": ""}, None, 1.5])
@pytest.mark.parametrize("field", ["email", "password"])
async def test_a137_another_type_is_not_made_into_a_string(client: AsyncClient, field: str, value: Any) -> None:
    answer = await client.post("/people", json=json.loads(GOOD) | {field: value})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{field}"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
async def test_a137_a_body_that_is_no_object_is_invalid(client: AsyncClient, body: bytes) -> None:
    assert await refused(client, body) == (422, "validation_failed")
