"""Authenticates requests: an argument's type names the kind of token a route takes, or the route is on the public list.

The guard makes no query (law 5). The app does not start with a route that is neither guarded nor public (law 4).
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import iter_route_contexts
from fastapi.security.base import SecurityBase

from app.api.house import House
from app.crypto.claims import AccessClaims, EnrollmentClaims, PendingClaims, Scope
from app.problems import InvalidToken, MalformedRequest, MissingToken
from app.watch import audit
from app.watch.logs import bind_session_id

PUBLIC = frozenset(
    {
        "POST /register",
        "POST /verify-email",
        "POST /verify-email/resend",
        "POST /login",
        "POST /password/forgot",
        "POST /password/reset",
        "POST /email/undo",
        "POST /token/refresh",
        "POST /logout",
        "GET /.well-known/jwks.json",
        "GET /.well-known/oauth-authorization-server",
        "GET /sessions/revocations",
        "POST /webhooks/plivo/{receipt}",
        "GET /livez",
        "GET /readyz",
        "GET /metrics",
        "GET /problems",
        "GET /problems/{code}",
        "GET /openapi.json",
        "GET /docs",
        "GET /docs/{asset}",
        "GET /redoc",
        "GET /redoc/{asset}",
        "GET /dev/inbox",
        "DELETE /dev/inbox",
    }
)


def _bearer(request: Request) -> str | None:
    """The bearer token of the one Authorization header (RFC 6750 §2.1), if there is one."""
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        raise MalformedRequest("More than one Authorization header.")
    scheme, _, token = headers[0].partition(" ") if headers else ("", "", "")
    return token if scheme.lower() == "bearer" else None


async def _presented(request: Request) -> str | None:
    return _bearer(request)


Presented = Annotated[str | None, Depends(_presented)]


class Guard(SecurityBase):
    """Lets a token of one scope through; FastAPI shows it as a security scheme."""

    def __init__(self, scope: Scope, name: str, description: str) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description=description)
        self.scheme_name = name
        self.scope = scope

    def token(self, request: Request) -> str:
        token = _bearer(request)
        if token is None:
            raise MissingToken
        return token


class AccessGuard(Guard):
    async def __call__(self, request: Request) -> AccessClaims:
        """Return the claims; refuse a token whose session ended or user was cut off, on any replica, a second ago."""
        house: House = request.app.state.house
        token = self.token(request)
        try:
            claims = await _of_living_session(token, house)
        except InvalidToken:
            house.refusals.note()
            raise
        house.sightings.note(claims.sid)
        return claims


async def _of_living_session(token: str, house: House) -> AccessClaims:
    claims = house.tokens.read(token, scope=Scope.FULL)
    bind_session_id(claims.sid)
    audit.about(claims.sub)
    if await house.revocations.include(claims):
        raise InvalidToken("The session has ended.")
    return claims


class PendingGuard(Guard):
    async def __call__(self, request: Request) -> PendingClaims:
        house: House = request.app.state.house
        token = self.token(request)
        try:
            claims = house.tokens.read(token, scope=Scope.MFA_PENDING)
        except InvalidToken:
            house.refusals.note()
            raise
        audit.about(claims.sub)
        return claims


class EnrollmentGuard(Guard):
    """Lets an enrolment token through, and an access token too: for the routes that enrol a factor."""

    def __init__(self, access: AccessGuard, name: str, description: str) -> None:
        super().__init__(Scope.MFA_ENROLL, name, description)
        self.access = access

    async def __call__(self, request: Request) -> AccessClaims | EnrollmentClaims:
        house: House = request.app.state.house
        token = self.token(request)
        try:
            claims = house.tokens.read(token, scope=Scope.MFA_ENROLL)
        except InvalidToken:
            return await self.access(request)
        audit.about(claims.sub)
        return claims


_ACCESS = AccessGuard(Scope.FULL, "AccessToken", "An access token, from `/login`, `/verify-otp` or `/token/refresh`.")
FullAccess = Annotated[AccessClaims, Depends(_ACCESS)]
EnrollmentAccess = Annotated[
    AccessClaims | EnrollmentClaims,
    Depends(
        EnrollmentGuard(
            _ACCESS, "EnrollmentToken", "The `enrollment_token` of a sign-in that must enrol its first factor."
        )
    ),
]
PendingAccess = Annotated[
    PendingClaims,
    Depends(
        PendingGuard(
            Scope.MFA_PENDING, "PendingToken", "The `mfa_token` of a sign-in that waits for its second factor."
        )
    ),
]


def admissions(app: FastAPI) -> Iterator[tuple[str, Guard | None]]:
    """Yield every operation of *app* as `METHOD /path`, with its guard, or None if it has none."""
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or {"*"}):
            yield f"{method} {context.path}", _guard_of(getattr(context, "dependant", None))


def _guard_of(dependant: Dependant | None) -> Guard | None:
    calls: list[object] = [dependency.call for dependency in dependant.dependencies] if dependant else []
    return next((call for call in calls if isinstance(call, Guard)), None)


def refuse_unguarded(app: FastAPI) -> None:
    """Raise RuntimeError, naming the routes, when any is neither public nor guarded."""
    bare = [operation for operation, guard in admissions(app) if guard is None and operation not in PUBLIC]
    if bare:
        raise RuntimeError(f"Neither public nor guarded: {', '.join(bare)}. See app/api/guard.py.")
