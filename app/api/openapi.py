"""The OpenAPI document: what FastAPI derives from the routes, corrected so that it says what is really sent."""

import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from app.api import schemas
from app.api.cookies import SET_COOKIE
from app.api.problems import MEDIA_TYPE, refusals
from app.api.rates import spends_a_limit
from app.problems import ValidationFailed, catalogue


class Tag(StrEnum):
    """The chapters of the documentation, in reading order."""

    SIGNING_UP = "Signing up"
    SIGNING_IN = "Signing in"
    SESSIONS = "Sessions"
    ACCOUNT = "Your account"
    FACTORS = "Second factors"
    MACHINES = "For machines"
    DEVELOPMENT = "Development"


_CHAPTERS = {
    Tag.SIGNING_UP: "Register an e-mail address and prove that it is yours.",
    Tag.SIGNING_IN: "A password first; then, for users who have a second factor, an answer to it.",
    Tag.SESSIONS: "Keep a session alive, look at it, end it.",
    Tag.ACCOUNT: "What the service knows of the signed-in user.",
    Tag.FACTORS: "Enrol what proves a user besides the password.",
    Tag.MACHINES: "Keys, health and documents for other programs.",
    Tag.DEVELOPMENT: "Only there when `GATEHOUSE_ENVIRONMENT=development`, only under a loopback host.",
}

DESCRIPTION = """\
Gatehouse signs people in with a password and a second factor, and issues JWTs. The journey:

1. `POST /register` with e-mail address and password. The answer never tells whether the address is known.
2. `POST /verify-email` with the code from the mail. The account is usable now; nobody is signed in yet.
3. `POST /login`. Look at `status` of the answer: `authenticated` carries the tokens, and you are done.
4. `mfa_required` carries an `mfa_token` and the `challenge`: a code is on its way when `delivery` is `accepted`.
5. `POST /verify-otp` with the code and the `mfa_token` as bearer token: the tokens. Five tries a sign-in.
6. No code came? `POST /verify-otp/challenge` asks for another one after `resend_after` seconds.
7. Send `Authorization: Bearer <access_token>` with everything else. It lives about ten minutes.
8. On 401 with `error="invalid_token"`: `POST /token/refresh`, keep the *new* refresh token, and try again.
9. `POST /me/factors`, then `…/confirm`, enrols a second factor; the next sign-in asks for it.
10. `POST /logout` ends the session; its access token is dead within a second.

**Refusals** are `application/problem+json` (RFC 9457): decide by `code`, which is stable, and show `title` or `detail`.
Wait `Retry-After` seconds where it is sent. Every answer has an `X-Request-Id`: quote it when you report a fault.

**Authorize** takes a token that you paste: an access token, or the `mfa_token` for the routes that finish a sign-in.
There is no password grant (RFC 9700 §2.4), so this page cannot sign you in by itself: call `POST /login` above.
"""

_FIRST_SENTENCE = re.compile(r"[.:;] ")
_ON_EVERY_ANSWER = ("X-Request-Id",)
_OF_LIMITS = ("RateLimit", "RateLimit-Policy")
_HEADERS = {
    "X-Request-Id": {
        "required": True,
        "description": "The request's own, if it is one, else a new one. Quote it when you report a fault.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left to this network (draft-ietf-httpapi-ratelimit-headers), where that is enforced.",
        "schema": {"type": "string", "examples": ['"codes";r=59;t=60']},
    },
    "RateLimit-Policy": {
        "description": "The limits themselves, beside `RateLimit`.",
        "schema": {"type": "string", "examples": ['"codes";q=60;w=3600']},
    },
    "Set-Cookie": SET_COOKIE,
}
_FAULT = {
    "type": "object",
    "required": ["pointer", "detail"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "Into the body (RFC 6901, `#/email`), or `query/to`, `path/id`, `header/x` for a parameter.",
        },
        "detail": {"type": "string"},
    },
}


def operation_id(route: APIRoute) -> str:
    """The endpoint function's name: stable, and what a generated client calls its method."""
    return route.name


def install(app: FastAPI) -> None:
    """Give *app* its description, and have its OpenAPI document finished; it is made once, on first use."""
    app.description = DESCRIPTION
    app.servers = [{"url": "/"}]
    found = app.openapi

    @cache
    def openapi() -> dict[str, Any]:
        return _finished(found(), app.state.public_url.rstrip("/"), _limited(app))

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _limited(app: FastAPI) -> frozenset[str]:
    """Return the ids of the operations that are rate-limited by network."""
    routes = iter_route_contexts(app.routes)
    return frozenset(str(one.name) for one in routes if spends_a_limit(getattr(one, "dependant", None)))


def _finished(document: dict[str, Any], public_url: str, limited: frozenset[str]) -> dict[str, Any]:
    operations = list(_operations(document))
    for operation in operations:
        _summarise(operation)
        _replace_validation_error(operation)
        for answer in operation["responses"].values():
            _name_host(answer, public_url)
            _declare_headers(answer, *_ON_EVERY_ANSWER, *(_OF_LIMITS if operation["operationId"] in limited else ()))
    components = document.setdefault("components", {})
    components["headers"] = _HEADERS
    shapes = components.setdefault("schemas", {})
    shapes.pop("HTTPValidationError", None)
    shapes.pop("ValidationError", None)
    shapes["Problem"] = _problem_schema()
    schemas.finish(operations, shapes)
    used = {tag for operation in operations for tag in operation.get("tags", ())}
    document["tags"] = [{"name": tag, "description": text} for tag, text in _CHAPTERS.items() if tag in used]
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (operation for path in document.get("paths", {}).values() for operation in path.values())


def _summarise(operation: dict[str, Any]) -> None:
    """Make the description's first sentence the summary, instead of a function's name."""
    operation["summary"] = _FIRST_SENTENCE.split(" ".join(operation["description"].split()), maxsplit=1)[0].rstrip(".")


def _replace_validation_error(operation: dict[str, Any]) -> None:
    """Replace the 422 that FastAPI adds to routes that declare none: its form of it is never sent."""
    if "application/json" in operation["responses"].get("422", {}).get("content", {}):
        operation["responses"]["422"] = refusals(ValidationFailed)[422]


def _declare_headers(answer: dict[str, Any], *names: str) -> None:
    references = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    answer["headers"] = {**answer.get("headers", {}), **references}


def _name_host(answer: dict[str, Any], public_url: str) -> None:
    examples = answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
    for name, shown in examples.items():
        value = shown["value"]
        examples[name] = {**shown, "value": {**value, "type": public_url + value["type"]}}


def _problem_schema() -> dict[str, Any]:
    return {
        "title": "Problem",
        "description": "A refusal (RFC 9457). Decide by `code`; the page that `type` names says why it happens.",
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "description": "There may be more of them.", "examples": sorted(catalogue())},
            "detail": {"type": "string"},
            "retry_after": {"type": "integer", "description": "Seconds, as in Retry-After."},
            "attempts_left": {"type": "integer", "description": "Answers that this sign-in still takes."},
            "errors": {"type": "array", "items": _FAULT},
        },
    }
