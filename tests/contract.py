"""A transport that holds every answer against the OpenAPI document: an undeclared status, media type or field fails the test."""

import json
import re
from typing import Any

import httpx
import jsonschema_rs
from fastapi import FastAPI

_HEADERS = ("Set-Cookie", "RateLimit", "RateLimit-Policy", "X-Request-Id")
_UNDOCUMENTED = ("/openapi.json", "/docs", "/redoc")


class ContractError(AssertionError):
    """The service answered something that its document does not say."""


class CheckedTransport(httpx.ASGITransport):
    def __init__(self, app: FastAPI, **options: Any) -> None:
        super().__init__(app=app, raise_app_exceptions=False, **options)
        self._document = app.openapi()
        self._paths = [(_pattern(path), operations) for path, operations in self._document["paths"].items()]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        await answer.aread()
        if not request.url.path.startswith(_UNDOCUMENTED):
            self._check(request, answer)
        return answer

    def _check(self, request: httpx.Request, answer: httpx.Response) -> None:
        operation = self._operation(request)
        if operation is None:
            if answer.status_code not in {404, 405, 431, 421, 400} or not _is_problem(answer):
                raise ContractError(f"{request.method} {request.url.path} answered {answer.status_code}")
            return
        declared = operation["responses"].get(str(answer.status_code))
        if declared is None:
            raise ContractError(
                f"{request.method} {request.url.path} may not answer {answer.status_code}: {answer.text}"
            )
        self._check_content(answer, declared)
        for name in _HEADERS:
            if name in answer.headers and name not in declared.get("headers", {}):
                raise ContractError(f"{request.method} {request.url.path} does not declare {name}")

    def _check_content(self, answer: httpx.Response, declared: dict[str, Any]) -> None:
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        if not answer.content:
            return
        if media_type not in declared.get("content", {}):
            raise ContractError(f"{media_type} is not among {sorted(declared.get('content', {}))}")
        schema = declared["content"][media_type].get("schema")
        if schema and media_type.endswith("json"):
            whole = {**schema, "components": self._document["components"]}
            jsonschema_rs.validator_for(whole).validate(json.loads(answer.content))
        if media_type == "application/problem+json":
            _check_problem(answer, declared)

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        found = [operations for pattern, operations in self._paths if pattern.fullmatch(request.url.path)]
        return found[0].get(request.method.lower()) if found else None


def _check_problem(answer: httpx.Response, declared: dict[str, Any]) -> None:
    problem = answer.json()
    if problem["code"] not in declared["content"]["application/problem+json"]["examples"]:
        raise ContractError(
            f"{problem['code']} is not declared for {answer.request.url.path if answer._request else '?'}"
        )
    if problem["status"] != answer.status_code or not problem["type"].endswith(f"/problems/{problem['code']}"):
        raise ContractError(f"status and type do not fit: {problem}")
    if answer.status_code == 401 and not answer.headers["www-authenticate"].startswith('Bearer realm="gatehouse"'):
        raise ContractError("a 401 without WWW-Authenticate")
    if answer.status_code in {429, 503} and int(answer.headers["retry-after"]) < 1:
        raise ContractError("Retry-After is missing")


def _is_problem(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("content-type", "") == "application/problem+json")


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/")))
