"""A running service and the people who use it: they read their mailbox and their phone, as a person would."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import structlog
from fastapi import FastAPI

from app.factors import KINDS
from app.factors.base import AnyFactor
from app.flows.recognising import Arrival
from app.main import create_app
from app.senders.inbox import Entry
from app.settings import Settings
from app.visitor import Visitor
from app.watch import logs
from tests.app import AuthenticatorApp
from tests.contract import CheckedTransport
from tests.standins.clock import ManualClock

PASSWORD = "correct horse battery staple"
NOWHERE = Arrival(Visitor(None, ""))
"""The arrival of a sign-in of which nothing is known."""
_numbers = count(secrets.randbelow(10_000))
KEY = "mJzJ0nqcQ4m1Jt7VdXo9bq3u5Qk2Yh8LrWcE6sTfGvA"


def settings_for(database_url: str, data_dir: Path, **groups: Any) -> Settings:
    """Development settings on a given database; groups as dicts, e.g. `mfa={"attempts": 3}`."""
    given: dict[str, Any] = {
        "secret_keys": [KEY],
        "database": {"url": database_url, "tls": "disable"},
        "logs": {"level": "ERROR"},
    }
    given["retention"] = {"prune_every": "never"}  # a test starts it itself
    return Settings(environment="development", data_dir=str(data_dir), **{**given, **groups})


def new_number() -> str:
    """Return a number for one person only: two people with the same number are a case that has tests of its own."""
    return f"+1202555{next(_numbers) % 10_000:04}"


@dataclass
class World:
    """One running app, its clock, and a client that checks every answer against the OpenAPI document."""

    app: FastAPI
    clock: ManualClock
    client: httpx.AsyncClient

    def person(self) -> "Person":
        return Person(self)

    async def signed_up(self) -> "Person":
        person = self.person()
        await person.sign_up()
        return person

    async def with_phone(self) -> "Person":
        """Somebody whose phone is enrolled; signed in with it just now."""
        person = await self.signed_up()
        await person.sign_in()
        await person.enrol_phone()
        return person

    async def with_app(self) -> "Person":
        """Somebody whose authenticator app is enrolled; signed in with it just now."""
        person = await self.signed_up()
        await person.sign_in()
        await person.enrol_app()
        return person

    def inbox(self, to: str) -> list[Entry]:
        found: list[Entry] = self.app.state.house.inbox.read(to)
        return found

    async def message(self, to: str, purpose: str, *, beyond: int = 0) -> Entry:
        """The newest message of *purpose*, once there are more than *beyond*; mails leave after the answer."""
        for _ in range(300):
            found = [entry for entry in self.inbox(to) if entry.purpose == purpose]
            if len(found) > beyond:
                return found[0]
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {purpose} message came")


@dataclass
class Person:
    world: World
    email: str = field(default_factory=lambda: f"ada.{secrets.token_hex(5)}@example.test")
    phone: str = field(default_factory=new_number)
    password: str = PASSWORD
    access_token: str = ""
    refresh_token: str = ""
    mfa_token: str = ""
    device_token: str = ""
    app: AuthenticatorApp | None = None
    recovery_codes: list[str] = field(default_factory=list)

    async def call(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> httpx.Response:
        bearer = self.access_token if token is None else token
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return await self.world.client.request(method, path, json=body, headers=headers)

    async def register(self) -> str:
        answer = await self.call("POST", "/register", {"email": self.email, "password": self.password})
        assert answer.status_code == 202, answer.text
        registration_id: str = answer.json()["registration_id"]
        return registration_id

    async def sign_up(self) -> None:
        registration_id = await self.register()
        code = (await self.world.message(self.email, "verify_email")).code
        answer = await self.call("POST", "/verify-email", {"registration_id": registration_id, "code": code})
        assert answer.status_code == 204, answer.text

    async def login(self, **more: Any) -> httpx.Response:
        """Prove the password, and keep whatever tokens come."""
        answer = await self.call("POST", "/login", {"email": self.email, "password": self.password, **more}, token="")
        if answer.status_code == 200:
            self.keep(answer.json())
        return answer

    async def sign_in(self) -> None:
        """Sign in until there is a session: with the code on the phone, if one is asked for."""
        answer = await self.login()
        assert answer.status_code == 200, answer.text
        if answer.json()["status"] == "mfa_required":
            done = await self.verify(self.code("sign_in"))
            assert done.status_code == 200, done.text

    async def enrol_phone(self) -> None:
        begun = await self.begin_phone()
        assert begun.status_code == 201, begun.text
        done = await self.confirm(begun.json()["id"], self.code("confirm"))
        assert done.status_code == 200, done.text

    async def enrol_app(self) -> None:
        begun = await self.call("POST", "/me/factors", {"factor": "totp"})
        assert begun.status_code == 201, begun.text
        self.app = AuthenticatorApp(begun.json()["setup"]["secret"])
        done = await self.confirm(begun.json()["id"], self.app_code())
        assert done.status_code == 200, done.text

    def app_code(self) -> str:
        """Move the clock to the next time step, which was not used before, and return the code that the app shows."""
        assert self.app
        self.world.clock.forward(timedelta(seconds=30))
        return self.app.code(self.world.clock.now())

    async def step_up(self, code: str, factor: str) -> httpx.Response:
        """Step up with a code, and keep the access token that says so instead of the old one."""
        answer = await self.call("POST", "/step-up", {"factor": factor, "code": code})
        if answer.status_code == 200:
            self.keep(answer.json())
        return answer

    async def factor_id(self, kind: str) -> str:
        items = (await self.call("GET", "/me/factors")).json()["items"]
        return next(str(item["id"]) for item in items if item["kind"] == kind)

    async def begin_phone(self) -> httpx.Response:
        return await self.call("POST", "/me/factors", {"factor": "sms", "phone_number": self.phone})

    async def confirm(self, factor_id: str, code: str) -> httpx.Response:
        answer = await self.call("POST", f"/me/factors/{factor_id}/confirm", {"code": code})
        if answer.status_code == 200:
            self.keep(answer.json())
            self.recovery_codes = answer.json()["recovery_codes"] or self.recovery_codes
        return answer

    async def verify(self, code: str, **more: str) -> httpx.Response:
        answer = await self.call("POST", "/verify-otp", {"code": code, **more}, token=self.mfa_token)
        if answer.status_code == 200:
            self.keep(answer.json())
        return answer

    async def refresh(self, token: str | None = None) -> httpx.Response:
        return await self.call("POST", "/token/refresh", {"refresh_token": token or self.refresh_token}, token="")

    async def refresh_session(self) -> None:
        answer = await self.refresh()
        assert answer.status_code == 200, answer.text
        self.keep(answer.json())

    def keep(self, answer: dict[str, Any]) -> None:
        self.mfa_token = answer.get("mfa_token", self.mfa_token)
        self.access_token = answer.get("access_token", self.access_token)
        self.refresh_token = answer.get("refresh_token", self.refresh_token)
        self.device_token = answer.get("device_token", self.device_token)

    def codes(self, purpose: str) -> list[str]:
        """The codes on the phone, newest first."""
        return [entry.code for entry in self.world.inbox(self.phone) if entry.purpose == purpose and entry.code]

    def code(self, purpose: str) -> str:
        return self.codes(purpose)[0]

    def wrong_code(self) -> str:
        """Return six digits that are in no message to this phone."""
        seen = {entry.code for entry in self.world.inbox(self.phone)}
        return next(code for code in (f"{n:06}" for n in range(1000)) if code not in seen)


@contextmanager
def own_logging() -> Iterator[None]:
    """Undo what the block configures of logging, so that pytest's own handlers stay for the next test."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextmanager
def logs_as_before() -> Iterator[None]:
    """Do the same, and restore structlog's configuration, which a service that runs meanwhile goes on using."""
    before = structlog.get_config()
    try:
        with own_logging():
            yield
    finally:
        structlog.configure(**before)
        logs.bound.cache_clear()


@asynccontextmanager
async def running(
    settings: Settings, *, clock: ManualClock | None = None, kinds: tuple[type[AnyFactor], ...] = KINDS
) -> AsyncIterator[World]:
    clock = clock or ManualClock()
    with own_logging():
        app = create_app(settings, clock=clock, kinds=kinds)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=CheckedTransport(app), base_url="http://127.0.0.1:8000") as client,
    ):
        yield World(app, clock, client)
