"""The limits: what this machine could do at best, as the smallest applications that do the same work.

`uvicorn bench.limit_apps:bare --factory` and so on; GATEHOUSE_… settings as for the service.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from fastapi.telemetry import TelemetryConfig
from sqlalchemy import bindparam, select, update

from app.api.guard import FullAccess
from app.crypto.claims import PASSWORD_ONLY, AccessClaims, Scope
from app.main import create_app
from app.store.database import Database
from app.store.tables import sessions, users

_SILENT: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
_ID = UUID(int=7)
CLAIMS = AccessClaims(
    iss="http://127.0.0.1:8000",
    aud="http://127.0.0.1:8000",
    sub=_ID,
    jti=_ID,
    iat=1_795_293_122,
    exp=1_795_293_722,
    scope=Scope.FULL,
    sid=_ID,
    auth_time=1_795_293_122,
    acr=PASSWORD_ONLY,
    amr=("pwd",),
    client_id="gatehouse",
)
"""As many bytes as a real answer."""


async def _claims(request: Request) -> AccessClaims:
    claims: AccessClaims = request.app.state.claims
    return claims


def bare() -> FastAPI:
    """One FastAPI route that answers what `GET /session` answers, and nothing else."""
    app = FastAPI(telemetry=_SILENT, openapi_url=None)
    app.state.claims = CLAIMS

    @app.get("/session")
    async def show(claims: Annotated[AccessClaims, Depends(_claims)]) -> AccessClaims:
        return claims

    return app


def _first(app: FastAPI) -> FastAPI:
    """*app* with the route that was added last before all of its own: finding it must not count."""
    app.router.routes.insert(0, app.router.routes.pop())
    return app


def unguarded() -> FastAPI:
    """The service, with the same route without a guard: its logs, metrics, headers, request ids and jobs."""
    app = create_app()
    app.state.claims = CLAIMS

    @app.get("/unguarded")
    async def show(claims: Annotated[AccessClaims, Depends(_claims)]) -> AccessClaims:
        return claims

    return _first(app)


def selecting() -> FastAPI:
    """The service, with a guarded route that makes one Core select by primary key in AUTOCOMMIT."""
    app = create_app()
    database: Database = app.state.house.database

    @app.get("/one-select")
    async def one(who: FullAccess) -> dict[str, str]:
        async with database.read() as tx:
            row = (await tx.execute(select(users).where(users.c.id == who.sub))).one()
        return {"id": str(row.id), "email": row.email, "locale": row.locale, "created_at": row.created_at.isoformat()}

    return _first(app)


def updating() -> FastAPI:
    """The service, with a bare route that makes one UPDATE … RETURNING and one signature."""
    app = create_app()
    house = app.state.house
    statement = (
        update(sessions)
        .where(sessions.c.id == bindparam("session_id"))
        .values(counter=sessions.c.counter + 1)
        .returning(sessions.c.user_id, sessions.c.auth_time)
    )

    @app.post("/one-update/{session_id}")
    async def one(session_id: UUID) -> dict[str, object]:
        async with house.database.read() as tx:
            row = (await tx.execute(statement, {"session_id": session_id})).one()
        minted = house.tokens.mint_access(
            user_id=row.user_id, session_id=session_id, auth_time=row.auth_time, acr="urn:gatehouse:pwd", amr=("pwd",)
        )
        return {"access_token": minted.token, "expires_in": minted.expires_in, "token_type": "Bearer"}

    return _first(app)
