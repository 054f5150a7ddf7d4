"""Keeps a browser's refresh token in a cookie: no script reads it, no other site sends it, only two routes accept it.

A request whose token comes from the cookie must carry `X-Gatehouse-CSRF: 1`: another origin's page cannot add that
without a preflight, which allows it only to the origins that the settings name.
"""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from starlette.types import Scope

from app.flows.answers import Authenticated
from app.problems import CsrfRequired

COOKIE = "__Host-gatehouse-refresh"
"""The prefix `__Host-` binds the cookie to this host alone, over https (RFC 6265bis §4.1.3.2)."""
_HEADER = "x-gatehouse-csrf"
_ASIDE = "cookies"
SET_COOKIE = {
    "description": f"`{COOKIE}`, where the sign-in asked for a `cookie`; emptied at its end. No script reads it.",
    "schema": {"type": "string"},
}
_CSRF_HEADER = {
    "name": "X-Gatehouse-CSRF",
    "in": "header",
    "description": f"Needed where the refresh token is in the cookie `{COOKIE}`.",
    "schema": {"type": "string", "const": "1"},
}
TAKES_COOKIE = {"parameters": [_CSRF_HEADER]}
"""For `openapi_extra=`. The cookie is not declared as a security scheme: it is one of the ways to send a token."""
AnyAnswer = TypeVar("AnyAnswer")


def sets_cookie(status: int) -> dict[int | str, dict[str, Any]]:
    """Describe that an answer of this *status* may set the cookie, or empty it."""
    return {status: {"headers": {"Set-Cookie": {"$ref": "#/components/headers/Set-Cookie"}}}}


class Jar:
    """Reads the refresh token from the request's cookie, and sets or empties that cookie in the answer."""

    def __init__(self, request: Request, response: Response) -> None:
        self._request = request
        self._response = response

    def token(self) -> str | None:
        """Return the cookie's refresh token, if there is one. Raises CsrfRequired when it came without the header."""
        token = _sent(self._request)
        if token and self._request.headers.get(_HEADER) != "1":
            raise CsrfRequired
        return token or None

    def keep(self, answer: AnyAnswer) -> AnyAnswer:
        """Move the refresh token of *answer* into the cookie if one was asked for, and return the answer to send."""
        if not isinstance(answer, Authenticated) or not answer.in_cookie:
            return answer
        self._set(answer.refresh_token or "", max_age=answer.refresh_expires_in)
        return answer.model_copy(update={"refresh_token": None})

    def empty(self) -> None:
        if _sent(self._request) is not None:
            self._set("", max_age=0)

    def _set(self, token: str, *, max_age: int) -> None:
        self._response.set_cookie(
            COOKIE, token, max_age=max_age, path="/", secure=True, httponly=True, samesite="strict"
        )


def set_aside(scope: Scope) -> None:
    """Take the Cookie headers out of the request's, for the jar alone.

    FastAPI would unquote every cookie on every route, which takes time by the square of their length in Pythons before
    3.12.6 and 3.11.10 (CVE-2024-7592).
    """
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    cookies = [value for name, value in headers if name == b"cookie"]
    scope["state"][_ASIDE] = cookies  # also when there are none: a server might share the state of a connection
    if cookies:
        scope["headers"] = [header for header in headers if header[0] != b"cookie"]


def _sent(request: Request) -> str | None:
    """The cookie as it came, by its exact name: where other blanks around a name are none, `__Host-` can be imitated."""
    for header in request.scope["state"][_ASIDE]:
        for pair in header.split(b";"):
            name, _, value = pair.strip(b" \t").partition(b"=")
            if name == COOKIE.encode():
                return str(value, "latin-1")
    return None


async def _jar(request: Request, response: Response) -> Jar:
    return Jar(request, response)


TheJar = Annotated[Jar, Depends(_jar)]
