"""People who use the service from outside, over real sockets; they read their mailbox and phone in the dev inbox."""

import base64
import itertools
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from tests.attack.lines import Request
from tests.attack.processes import until
from tests.attack.service import Service, client

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(secrets.randbelow(5_000))


def new_number() -> str:
    return f"+1202555{next(_numbers):04}"


@dataclass
class Person:
    service: Service
    email: str = field(default_factory=lambda: f"ada.{secrets.token_hex(6)}@example.test")
    phone: str = field(default_factory=new_number)
    registration_id: str = ""
    enrollment_id: str = ""
    mfa_token: str = ""
    access_token: str = ""
    refresh_token: str = ""

    async def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> httpx.Response:
        """Send a request on a connection of its own, so that any worker may get it, and keep the answer's tokens."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with client(self.service.url) as fresh:
            answer = await fresh.request(method, path, json=body, headers=headers)
        if answer.is_success and answer.content:
            self.keep(answer.json())
        return answer

    def keep(self, answer: dict[str, Any]) -> None:
        for name in ("registration_id", "mfa_token", "access_token", "refresh_token"):
            setattr(self, name, answer.get(name, getattr(self, name)))

    async def codes(self, to: str, purpose: str) -> list[str]:
        """The codes that came, newest first."""
        answer = await self.call("GET", f"/dev/inbox?to={to.replace('+', '%2B')}")
        return [item["code"] for item in answer.json()["items"] if item["purpose"] == purpose]

    async def code(self, purpose: str) -> str:
        return (await self.codes(self.phone, purpose))[0]

    async def register(self) -> httpx.Response:
        return await self.call("POST", "/register", {"email": self.email, "password": PASSWORD})

    async def mailed_code(self, *, beyond: int = 0) -> str:
        """Return the newest mailed code, once there are more than *beyond*; mails leave after the answer."""

        async def has_come() -> bool:
            return len(await self.codes(self.email, "verify_email")) > beyond

        await until(has_come, "a code was mailed", within=5)
        return (await self.codes(self.email, "verify_email"))[0]

    async def verify_email(self, code: str) -> httpx.Response:
        return await self.call("POST", "/verify-email", {"registration_id": self.registration_id, "code": code})

    async def sign_up(self) -> None:
        expect(await self.register(), 202)
        expect(await self.verify_email(await self.mailed_code()), 204)

    def login_request(self, password: str = PASSWORD) -> Request:
        return Request("POST", "/login", {"email": self.email, "password": password})

    async def login(self) -> httpx.Response:
        return await self.call("POST", "/login", {"email": self.email, "password": PASSWORD})

    def guess(self, code: str) -> Request:
        return Request("POST", "/verify-otp", {"code": code}, self.mfa_token)

    async def verify(self, code: str) -> httpx.Response:
        return await self.call("POST", "/verify-otp", {"code": code}, token=self.mfa_token)

    async def ask_code(self) -> str:
        """Prove the password, and read the code on the phone."""
        answer = expect(await self.login(), 200).json()
        assert answer["status"] == "mfa_required"
        assert answer["challenge"]["delivery"] == "accepted"
        return await self.code("sign_in")

    async def sign_in(self) -> None:
        if expect(await self.login(), 200).json()["status"] == "mfa_required":
            expect(await self.verify(await self.code("sign_in")), 200)

    def begin_request(self) -> Request:
        return Request("POST", "/me/factors", {"factor": "sms", "phone_number": self.phone}, self.access_token)

    async def begin(self) -> httpx.Response:
        asked = self.begin_request()
        answer = await self.call(asked.method, asked.path, asked.body, token=self.access_token)
        if answer.is_success:
            self.enrollment_id = answer.json()["id"]
        return answer

    def confirm_request(self, code: str) -> Request:
        return Request("POST", f"/me/factors/{self.enrollment_id}/confirm", {"code": code}, self.access_token)

    async def confirm(self, code: str) -> httpx.Response:
        asked = self.confirm_request(code)
        return await self.call(asked.method, asked.path, asked.body, token=self.access_token)

    async def enrol(self) -> None:
        expect(await self.begin(), 201)
        expect(await self.confirm(await self.code("confirm")), 200)

    async def refresh(self) -> httpx.Response:
        return await self.call("POST", "/token/refresh", {"refresh_token": self.refresh_token})

    async def session(self) -> httpx.Response:
        return await self.call("GET", "/session", token=self.access_token)

    async def id(self) -> UUID:
        return UUID(expect(await self.session(), 200).json()["sub"])

    async def wrong_codes(self, count: int) -> list[str]:
        """Return *count* different codes that were never sent to this phone."""
        seen = {*await self.codes(self.phone, "sign_in"), *await self.codes(self.phone, "confirm")}
        return list(itertools.islice((f"{n:06}" for n in range(1_000_000) if f"{n:06}" not in seen), count))


def expect(answer: httpx.Response, status: int) -> httpx.Response:
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
    return answer


async def newcomer(service: Service) -> Person:
    """Somebody signed in with a password alone."""
    person = Person(service)
    await person.sign_up()
    await person.sign_in()
    return person


async def with_phone(service: Service) -> Person:
    """Somebody whose phone is enrolled."""
    person = await newcomer(service)
    await person.enrol()
    return person


def refreshing(token: str) -> Request:
    return Request("POST", "/token/refresh", {"refresh_token": token})


def sign_in_id(token: str) -> UUID:
    """Return the id of the sign-in that a pending token is for."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return UUID(claims["jti"])
