"""A little API on the real pieces: strict routes, problems, shell, documents. Only its stories are made up."""

import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI, Header, Request
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.types import Message, Send

from app.addresses import Email
from app.api import catalogue, docs, openapi, problems
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.shell import wrap
from app.api.strict import StrictRoute
from app.clock import SystemClock
from app.crypto.keys import KeyRing, new_secret_key
from app.crypto.vault import Vault
from app.factors.base import SixDigits
from app.problems import Fault, InvalidMfaCode, MissingToken, NotFound, ResendTooSoon, StepUpRequired
from app.problems import catalogue as all_problems
from app.problems.fields import BOOLEAN
from app.settings import Settings
from app.settings.groups import DatabaseSettings, LogSettings
from app.settings.http import HttpSettings
from app.store.database import Database
from app.watch.audit_keys import AuditKeys
from app.watch.logs import configure
from app.watch.trail import Trail

configure(LogSettings(), json=True, stream=io.StringIO())  # unconfigured, structlog draws each traceback for 0.6 s

NOWHERE = "postgresql+asyncpg://127.0.0.1:1/nobody"
Serve = Callable[..., AsyncClient]
Ask = Callable[..., Awaitable[list[Message]]]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Person(Shape):
    email: Email
    password: Annotated[SecretStr, Field(min_length=8, max_length=64)]
    code: SixDigits | None = None
    nick: Annotated[str, Field(pattern=r"^[a-z]+$")] | None = None
    age: Annotated[int, Field(ge=0, le=150)] | None = None
    tags: Annotated[list[str], Field(max_length=2)] = []
    remember: bool = False
    city: Annotated[str, Field(min_length=1)] | None = None
    adult: Annotated[Literal[True], BOOLEAN] | None = None


class Sms(Shape):
    factor: Literal["sms"]
    phone_number: str


class Totp(Shape):
    factor: Literal["totp"]
    label: Literal["home", "work"]


router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.ACCOUNT])


@router.post("/people", status_code=201, responses=refusals(ResendTooSoon, body=True))
async def add_person(person: Person) -> dict[str, bool]:
    """Take a person."""
    return {"taken": bool(person.email)}


@router.post("/factors", responses=refusals(InvalidMfaCode, body=True))
async def add_factor(factor: Annotated[Sms | Totp, Field(discriminator="factor")]) -> dict[str, str]:
    """Take a factor."""
    return {"factor": factor.factor}


@router.post("/logout", status_code=204)
async def log_out(reason: Sms | None = None) -> None:
    """Take a body or none."""


@router.get("/me", responses=refusals(MissingToken, StepUpRequired))
async def show_me(request: Request) -> dict[str, str]:
    """Show the request's id."""
    return {"request_id": request.state.request_id}


@router.patch("/me")
async def change_me() -> dict[str, bool]:
    """Take no body."""
    return {"changed": True}


@router.get("/items/{item_id}")
async def show_item(item_id: UUID, limit: int = 1, x_level: Annotated[int, Header()] = 0) -> dict[str, int]:
    """Take parameters."""
    return {"limit": limit, "level": x_level, "version": item_id.version or 0}


@router.get("/refuse/{code}")
async def refuse(code: str) -> None:
    """Refuse as asked."""
    raise all_problems().get(code, NotFound)(errors=(Fault("#/x", "No."),))


@router.get("/crash")
async def crash() -> None:
    """Fail with a secret on the lips."""
    raise RuntimeError("hunter2 at anna@example.com")


@router.get("/half")
async def break_off() -> StreamingResponse:
    """Fail in the middle of the answer."""

    async def pieces() -> Any:
        yield b"half"
        raise RuntimeError("hunter2")

    return StreamingResponse(pieces())


@router.get("/page")
async def show_page() -> HTMLResponse:
    """Bring headers of its own."""
    own = {"Content-Security-Policy": "default-src 'self'", "Cache-Control": "max-age=1", "Vary": "Accept"}
    return HTMLResponse("<p>", headers=own)


def nothing_to_write() -> Trail:
    """Nothing here is an event, so nobody goes to this database, which is nowhere."""
    database, clock = Database(DatabaseSettings.model_validate({"url": NOWHERE})), SystemClock()
    keys = AuditKeys(database, vault=Vault(KeyRing([SecretStr(new_secret_key())])), clock=clock)
    return Trail(database, keys=keys, clock=clock, size=1)


def build(settings: Settings) -> FastAPI:
    app = FastAPI(
        title="Gatehouse",
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app)
    openapi.install(app)
    for routes in (router, catalogue.router, *([docs.router] if docs.wanted(settings) else [])):
        app.router.routes.extend(routes.routes)
    wrap(app, settings, SystemClock(), nothing_to_write())
    return app


def settings_of(*, environment: Literal["development", "production"] = "development", **http: Any) -> Settings:
    return Settings.model_construct(environment=environment, http=HttpSettings(**http))


@pytest.fixture
def little_app() -> FastAPI:
    return build(settings_of())


@pytest.fixture
def serve() -> Serve:
    def with_settings(**settings: Any) -> AsyncClient:
        transport = ASGITransport(build(settings_of(**settings)), raise_app_exceptions=False)
        return AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")

    return with_settings


@pytest.fixture
def client(serve: Serve) -> AsyncClient:
    return serve()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure(LogSettings(level="DEBUG"), json=True, stream=stream)
    yield stream
    configure(LogSettings(), json=True, stream=io.StringIO())


@pytest.fixture
def ask() -> Ask:
    """One request as the server would hand it over, so that its headers may be wrong."""

    async def one(
        app: FastAPI, *headers: tuple[bytes, bytes], path: str = "/me", send: Send | None = None
    ) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def keep(message: Message) -> None:
            sent.append(message)

        asgi = {"version": "3.0", "spec_version": "2.4"}
        fixed = {"type": "http", "asgi": asgi, "method": "GET", "query_string": b""}
        await app({**fixed, "path": path, "headers": list(headers)}, receive, send or keep)
        return sent

    return one
