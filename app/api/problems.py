"""The only place that renders an error: as RFC 9457 `application/problem+json`, never with a submitted value."""

from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException  # noqa: TID251  handled here so that no other module has to
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from app.api.faults import faults
from app.problems import (
    DatabaseUnavailable,
    HeadersTooLarge,
    InternalError,
    InvalidMfaCode,
    MalformedRequest,
    MethodNotAllowed,
    MfaAttemptsExhausted,
    MisdirectedRequest,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    Problem,
    UnsupportedMediaType,
    ValidationFailed,
)

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="gatehouse"'
_PATIENCE = {429: timedelta(seconds=5), 503: timedelta(seconds=2)}
"""Retry-After by status, for a problem that has no value of its own."""
_ALWAYS = (MalformedRequest, MisdirectedRequest, HeadersTooLarge, InternalError)
_WITH_BODY = (PayloadTooLarge, UnsupportedMediaType, ValidationFailed)
_OF_THE_FRAMEWORK: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (NotFound, MethodNotAllowed, PayloadTooLarge, UnsupportedMediaType, HeadersTooLarge, Overloaded)
}


def install(app: FastAPI) -> None:
    """Have every error rendered as a problem, the framework's own ones and crashes included."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_framework)
    app.add_exception_handler(Exception, _on_crash)


def render(problem: Problem, request: Request) -> Response:
    request.scope.setdefault("state", {})["problem"] = problem.code
    wait = _PATIENCE.get(problem.status) if problem.retry_after is None else problem.retry_after
    seconds = None if wait is None else max(1, ceil(wait.total_seconds()))
    content = {
        "type": f"{request.app.state.public_url.rstrip('/')}/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "retry_after": seconds,
        "attempts_left": problem.attempts_left,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in problem.errors] or None,
    }
    said = {name: value for name, value in content.items() if value is not None}
    return JSONResponse(said, problem.status, _headers(problem, seconds), MEDIA_TYPE)


def _headers(problem: Problem, seconds: int | None) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = f"{CHALLENGE}, {problem.challenge}" if problem.challenge else CHALLENGE
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    return headers


async def _on_problem(request: Request, problem: Exception) -> Response:
    return render(cast("Problem", problem), request)


async def _on_invalid(request: Request, error: Exception) -> Response:
    invalid = cast("RequestValidationError", error)
    if any(one["type"] == "json_invalid" for one in invalid.errors()):
        return render(MalformedRequest(), request)
    return render(ValidationFailed(errors=faults(invalid)), request)


async def _on_framework(request: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    otherwise = InternalError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else MalformedRequest
    answer = render(_OF_THE_FRAMEWORK.get(status, otherwise)(), request)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = _allowed(request)
    return answer


async def _on_crash(request: Request, _error: Exception) -> Response:
    return render(InternalError(), request)


def _allowed(request: Request) -> str:
    """Return all methods of the path (RFC 9110 §15.5.6): Starlette knows only those of the first route that has it."""
    fitting = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return ", ".join(sorted({method for route in fitting for method in getattr(route, "methods", None) or ()}))


def refusals(
    *kinds: type[Problem], body: bool = False, parameters: bool = False, database: bool = True
) -> dict[int | str, dict[str, Any]]:
    """Describe a route's error answers, for `responses=`: *kinds*, and those that every route of its sort can give.

    *body*: it reads JSON; *parameters*: it has typed parameters in path, query or headers; *database*: it may need one.
    """
    every: list[type[Problem]] = [*kinds, *_ALWAYS]
    every += _WITH_BODY if body else ()
    every += (ValidationFailed,) if parameters else ()
    every += (DatabaseUnavailable,) if database else ()
    statuses = sorted({kind.status for kind in every})
    counted = MfaAttemptsExhausted in kinds
    return {s: _described({kind.code: kind for kind in every if kind.status == s}, counted=counted) for s in statuses}


def _described(kinds: dict[str, type[Problem]], *, counted: bool) -> dict[str, Any]:
    status = next(iter(kinds.values())).status
    described: dict[str, Any] = {
        "description": "\n".join(f"* `{code}`: {kind.why}" for code, kind in kinds.items()),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {
                    code: {"summary": kind.title, "value": example(kind, counted=counted)}
                    for code, kind in kinds.items()
                },
            }
        },
    }
    if status == HTTPStatus.UNAUTHORIZED:
        described["headers"] = {"WWW-Authenticate": _header("string", "RFC 6750 §3, RFC 9470 §3.")}
    if status in _PATIENCE:
        described["headers"] = {"Retry-After": _header("integer", "Seconds.")}
    return described


def _header(kind: str, description: str) -> dict[str, Any]:
    return {"required": True, "description": description, "schema": {"type": kind}}


def example(kind: type[Problem], *, counted: bool = True) -> dict[str, Any]:
    """Return an example of a problem of *kind*; *counted*: where attempts are, so that it may tell how many are left.

    `type` is a relative reference until the document is finished.
    """
    shown: dict[str, Any] = {"type": f"/problems/{kind.code}", "title": kind.title}
    shown |= {"status": kind.status, "code": kind.code}
    if kind.status in _PATIENCE:
        shown["retry_after"] = 30
    if kind is InvalidMfaCode and counted:
        shown["attempts_left"] = 4
    if kind is ValidationFailed:
        shown["errors"] = [{"pointer": "#/email", "detail": "Must be an e-mail address."}]
    return shown
