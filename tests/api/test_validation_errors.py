"""A validation error says where and what, in our words, and never what was sent."""

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from httpx import AsyncClient

from app.api.faults import faults
from app.problems import (
    Fault,
)

SECRET = "hunter2hunter2"
NO_EMAIL = "Must be an e-mail address, such as ada@example.com. Before the @, letters are a to z only."


@pytest.mark.parametrize(
    ("path", "body", "pointer", "detail"),
    [
        ("/people", {"email": SECRET, "password": "x" * 8}, "#/email", NO_EMAIL),
        ("/people", {"email": f"a@{SECRET}", "password": "x" * 8}, "#/email", NO_EMAIL),
        ("/people", {"email": "a@example.com"}, "#/password", "This is required."),
        ("/people", {"email": "a@example.com", "password": "hunter2"}, "#/password", "Must have at least 8 characters."),
        ("/people", {"email": "a@example.com", "password": SECRET * 9}, "#/password", "Must have at most 64 characters."),
        ("/people", {"email": "a@example.com", "password": SECRET, "code": SECRET}, "#/code", "Must be six digits."),
        ("/people", {"email": "a@example.com", "password": SECRET, "code": "１２３４５６"}, "#/code", "Must be six digits."),
        ("/people", {"email": "a@example.com", "password": SECRET, "code": 123456}, "#/code", "Must be a string."),
        ("/people", {"email": "a@example.com", "password": SECRET, "nick": SECRET}, "#/nick", "Must match ^[a-z]+$."),
        ("/people", {"email": "a@example.com", "password": SECRET, "age": 151}, "#/age", "Must be at most 150."),
        ("/people", {"email": "a@example.com", "password": SECRET, "age": SECRET}, "#/age", "Must be a whole number."),
        ("/people", {"email": "a@example.com", "password": SECRET, "tags": ["", SECRET, ""]}, "#/tags", "Must have at most 2 entries."),
        ("/people", {"email": "a@example.com", "password": SECRET, "tags": [1]}, "#/tags/0", "Must be a string."),
        ("/people", {"email": "a@example.com", "password": SECRET, "remember": SECRET}, "#/remember", "Must be true or false."),
        ("/people", {"email": "a@example.com", "password": SECRET, "city": ""}, "#/city", "Must not be empty."),
        ("/people", {"email": "a@example.com", "password": SECRET, "adult": False}, "#/adult", "Must be true."),
        ("/people", {"email": "a@example.com", "password": SECRET, "adult": 1}, "#/adult", "Must be true or false."),
        ("/factors", {"factor": SECRET}, "#/factor", "Must be one of 'sms', 'totp'."),
        ("/factors", {"phone_number": SECRET}, "#/factor", "This is required."),
        ("/factors", {"factor": "sms"}, "#/phone_number", "This is required."),
        ("/factors", {"factor": "sms", "phone_number": 7}, "#/phone_number", "Must be a string."),
        ("/factors", {"factor": "totp", "label": SECRET}, "#/label", "Must be 'home' or 'work'."),
    ],
)  # fmt: skip
async def test_a_validation_error_says_where_and_what_but_not_the_value(
    client: AsyncClient, path: str, body: dict[str, Any], pointer: str, detail: str
) -> None:
    answer = await client.post(path, json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": pointer, "detail": detail}]
    assert "hunter2" not in answer.text


async def test_an_empty_body_is_a_missing_object(client: AsyncClient) -> None:
    answer = await client.post("/people")

    assert answer.json()["errors"] == [{"pointer": "#", "detail": "This is required."}]


async def test_parameters_are_named_by_where_they_stand(client: AsyncClient) -> None:
    answer = await client.get(f"/items/{SECRET}?limit={SECRET}", headers={"X-Level": SECRET})

    assert answer.json()["errors"] == [
        {"pointer": "path/item_id", "detail": "Must be a UUID."},
        {"pointer": "query/limit", "detail": "Must be a whole number."},
        {"pointer": "header/x-level", "detail": "Must be a whole number."},
    ]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("name", [SECRET, "<script>", "a/b~c", "\u2028", "x" * 9000, "", "0"])
async def test_the_name_of_an_unknown_field_is_not_echoed(client: AsyncClient, name: str) -> None:
    answer = await client.post("/factors", json={"factor": "sms", "phone_number": "+1", name: SECRET})

    assert answer.json()["errors"][0]["pointer"] == "#"
    assert len(answer.content) < 500


async def test_a_thousand_faults_are_not_a_long_answer(client: AsyncClient) -> None:
    everywhere = await client.post("/people", json={"tags": [1, 2], **{f"f{number}": 1 for number in range(1000)}})

    assert len(everywhere.json()["errors"]) <= 20


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        ({"type": "string_too_short", "loc": ("body", "x")}, Fault("#/x", "This value is not acceptable.")),
        ({"type": "made_up", "loc": ("body", "x"), "ctx": {"error": SECRET}}, Fault("#/x", "This value is not acceptable.")),
        ({"type": "value_error", "loc": ("body", "x"), "ctx": {"error": SECRET}}, Fault("#/x", "This value is not acceptable.")),
        ({"type": "email_of_others", "loc": ("body", "x"), "msg": SECRET}, Fault("#/x", "This value is not acceptable.")),
        ({"type": "int_type", "loc": ("body", "x", "int")}, Fault("#/x", "Must be a whole number.")),
        ({"type": "string_type", "loc": ("body", "<script>")}, Fault("#", "Must be a string.")),
        ({"type": "extra_forbidden", "loc": ("query", SECRET)}, Fault("query", "A field here is not known. The API description lists those that are.")),
    ],
)  # fmt: skip
def test_errors_that_only_libraries_and_validators_can_make(one: dict[str, Any], fault: Fault) -> None:
    error = RequestValidationError([one], body={"x": 1, "<script>": 1})

    assert faults(error) == (fault,)
