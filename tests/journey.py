"""One person goes through every flow, and makes every mistake on the way: each value is one that nobody saw before."""

import re
import secrets
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.app import AuthenticatorApp
from tests.canaries import CODE, EMAIL, PASSWORD, PHONE, REFUSED, SEED, TOKEN, Canaries
from tests.resets import forgot, reset
from tests.world import Person, new_number

COOKIE = "__Host-gatehouse-refresh"


async def travel(canaries: Canaries, database_url: str) -> None:
    ada = _new(canaries)
    await _signing_up(canaries, ada)
    await _a_phone(canaries, ada)
    await _an_app(canaries, ada)
    await _sessions(canaries, ada)
    await _devices(canaries, ada)
    await _passwords(canaries, ada)
    await _another_address(canaries, ada)
    await _nonsense(canaries, ada)
    await _a_crash(canaries, database_url)


def _new(canaries: Canaries) -> Person:
    person = Person(canaries.world, password=f"canary {secrets.token_hex(12)}")
    canaries.add(EMAIL, person.email)
    canaries.add(PASSWORD, person.password)
    canaries.add(PHONE, person.phone)
    return person


def _wrong(canaries: Canaries) -> str:
    """A password that nobody has."""
    wrong = f"wrong canary {secrets.token_hex(12)}"
    canaries.add(PASSWORD, wrong)
    return wrong


async def _post(person: Person, path: str, body: Any, expected: int, **more: Any) -> httpx.Response:
    answer = await person.call("POST", path, body, **more)
    assert answer.status_code == expected, (path, answer.text)
    return answer


async def _signing_up(canaries: Canaries, ada: Person) -> None:
    registration_id = await ada.register()
    code = (await ada.world.message(ada.email, "verify_email")).code
    wrong = "135790" if code != "135790" else "246801"
    canaries.add(CODE, wrong)
    await _post(ada, "/verify-email", {"registration_id": registration_id, "code": wrong}, 400)
    await _post(ada, "/verify-email", {"registration_id": registration_id, "code": code}, 204)
    await _post(ada, "/login", {"email": ada.email, "password": _wrong(canaries)}, 401)
    stranger = f"nobody.{secrets.token_hex(5)}@example.test"
    canaries.add(EMAIL, stranger)
    await _post(ada, "/login", {"email": stranger, "password": ada.password}, 401)
    await ada.sign_in()
    assert (await ada.call("GET", "/me")).status_code == 200


async def _a_phone(canaries: Canaries, ada: Person) -> None:
    begun = await ada.begin_phone()
    assert begun.status_code == 201, begun.text
    wrong = ada.wrong_code()
    canaries.add(CODE, wrong)
    assert (await ada.confirm(begun.json()["id"], wrong)).status_code == 401
    ada.world.clock.forward(timedelta(seconds=30))
    await _post(ada, f"/me/factors/{begun.json()['id']}/resend", None, 200)
    assert (await ada.confirm(begun.json()["id"], ada.code("confirm"))).status_code == 200
    await ada.login()
    assert (await ada.verify(wrong)).status_code == 401
    ada.world.clock.forward(timedelta(seconds=30))
    await _post(ada, "/verify-otp/challenge", {"factor": "sms"}, 200, token=ada.mfa_token)
    assert (await ada.call("GET", "/verify-otp", token=ada.mfa_token)).status_code == 200
    assert (await ada.verify(ada.code("sign_in"))).status_code == 200
    bad = new_number()[:-2]
    canaries.add(PHONE, bad)
    await _post(ada, "/me/factors", {"factor": "sms", "phone_number": bad}, 422)


async def _an_app(canaries: Canaries, ada: Person) -> None:
    begun = await _post(ada, "/me/factors", {"factor": "totp"}, 201)
    ada.app = AuthenticatorApp(begun.json()["setup"]["secret"])
    canaries.add(SEED, ada.app.secret, secrets.token_hex(20).upper())
    code = _said(canaries, ada.app_code())
    assert (await ada.confirm(begun.json()["id"], code)).status_code == 200
    assert (await ada.login(code=code)).status_code == 401
    assert (await ada.login(code=_said(canaries, ada.app_code()))).status_code == 200
    assert (await ada.login(code=ada.recovery_codes[0])).status_code == 200
    assert (await ada.login(code=ada.recovery_codes[0])).status_code == 401
    ada.world.clock.forward(timedelta(minutes=6))
    await _post(ada, "/step-up", {"factor": "totp", "code": ada.wrong_code()}, 401)
    assert (await ada.step_up(_said(canaries, ada.app_code()), "totp")).status_code == 200
    await _post(ada, "/me/recovery-codes", None, 200)
    await _post(ada, "/step-up/challenge", {"factor": "sms"}, 200)
    assert (await ada.step_up(ada.code("step_up"), "sms")).status_code == 200
    assert (await ada.call("GET", "/me/factors")).status_code == 200


def _said(canaries: Canaries, code: str) -> str:
    canaries.add(CODE, code)
    return code


async def _sessions(canaries: Canaries, ada: Person) -> None:
    assert (await ada.call("GET", "/session")).status_code == 200
    first = ada.refresh_token
    await ada.refresh_session()
    await ada.refresh_session()
    stolen = await ada.refresh(first)
    assert stolen.status_code == 401
    assert (await ada.refresh(f"ghr_{secrets.token_urlsafe(40)}")).status_code == 401
    answer = await ada.login(cookie=True, code=_said(canaries, ada.app_code()))
    assert answer.status_code == 200, answer.text
    kept = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    canaries.add(TOKEN, kept)
    sent = {"Cookie": f"{COOKIE}={kept}", "X-Gatehouse-CSRF": "1"}
    refreshed = await ada.world.client.post("/token/refresh", headers=sent)
    assert refreshed.status_code == 200, refreshed.text
    assert (await ada.call("POST", "/logout")).status_code == 204
    assert (await ada.login(code=_said(canaries, ada.app_code()))).status_code == 200


async def _devices(canaries: Canaries, ada: Person) -> None:
    assert (await ada.login(factor="totp", remember_device=True)).status_code == 200
    assert (await ada.verify(_said(canaries, ada.app_code()), factor="totp")).status_code == 200
    assert (await ada.login(device_token=ada.device_token)).json()["status"] == "authenticated"
    assert (await ada.call("GET", "/me/devices")).status_code == 200
    listed = (await ada.call("GET", "/me/sessions")).json()["items"]
    assert len(listed) > 1
    device = (await ada.call("GET", "/me/devices")).json()["items"][0]["id"]
    assert (await ada.step_up(_said(canaries, ada.app_code()), "totp")).status_code == 200
    assert (await ada.call("DELETE", "/me/sessions")).status_code == 204
    assert (await ada.call("DELETE", f"/me/devices/{device}")).status_code == 204


async def _passwords(canaries: Canaries, ada: Person) -> None:
    body = {"current_password": _wrong(canaries), "new_password": _wrong(canaries)}
    assert (await ada.login(code=_said(canaries, ada.app_code()))).status_code == 200
    assert (await ada.call("PUT", "/me/password", body)).status_code == 403
    ada.world.clock.forward(timedelta(seconds=30))
    weak = {"current_password": ada.password, "new_password": "canarycan"}
    canaries.add(PASSWORD, "canarycan")
    assert (await ada.call("PUT", "/me/password", weak)).status_code == 422
    better = _wrong(canaries)
    changed = await ada.call("PUT", "/me/password", {"current_password": ada.password, "new_password": better})
    assert changed.status_code == 204, changed.text
    ada.password = better
    token = await forgot(ada)
    made_up = secrets.token_urlsafe(32)
    canaries.add(TOKEN, token, made_up)
    assert (await reset(ada, made_up, _wrong(canaries))).status_code == 400
    assert (await reset(ada, token, _wrong(canaries))).status_code == 204
    assert (await ada.login(code=_said(canaries, ada.app_code()))).status_code == 200


async def _another_address(canaries: Canaries, ada: Person) -> None:
    after = f"canary.{secrets.token_hex(6)}@example.test"
    canaries.add(EMAIL, after)
    assert (await ada.call("PUT", "/me/email", {"email": after})).status_code == 202
    code = (await ada.world.message(after, "verify_email")).code
    assert (await ada.call("POST", "/me/email/confirm", {"code": code})).status_code == 204
    ada.email = after
    assert (await ada.call("GET", "/me")).json()["email"] == after


async def _nonsense(canaries: Canaries, ada: Person) -> None:
    """Bodies, paths, queries and headers that are refused, each with something that nobody may repeat."""
    client = ada.world.client
    for kind in ("field", "value", "path", "query", "header", "json", "token"):
        canaries.add(REFUSED, _refused(kind))
    login = {"email": ada.email, "password": ada.password}
    for body in ({**login, _refused("field"): 1}, {**login, "email": _refused("value")}, [_refused("value")]):
        assert (await client.post("/login", json=body)).status_code == 422
    headers = {"Content-Type": "application/json"}
    broken = await client.post("/login", content=f'{{"email": "{_refused("json")}", '.encode(), headers=headers)
    assert broken.status_code == 400
    assert (await client.post("/login", content=_refused("json").encode())).status_code == 415
    assert (await client.get(f"/{_refused('path')}", params={"q": _refused("query")})).status_code == 404
    assert (await client.get("/livez", params={"q": _refused("query")})).status_code == 200
    assert (await client.get("/livez", headers={"X-Request-Id": _refused("header") + "!"})).status_code == 200
    agent = {"User-Agent": _refused("header"), "Authorization": f"Bearer {_refused('token')}"}
    assert (await client.get("/session", headers=agent)).status_code == 401
    receipt = await client.post(f"/webhooks/plivo/{_refused('path')}", content=b"x=y")
    assert receipt.status_code >= 400
    assert (await ada.call("DELETE", f"/me/sessions/{uuid4()}")).status_code in {204, 404}


_made: dict[str, str] = {}


def _refused(kind: str) -> str:
    return _made.setdefault(kind, f"canary{kind}{secrets.token_hex(8)}")


async def _a_crash(canaries: Canaries, database_url: str) -> None:
    """A table is gone, so that what fails has a person's values on its lips."""
    bob = _new(canaries)
    connection = await asyncpg.connect(re.sub(r"\+asyncpg", "", database_url))
    await connection.execute("ALTER TABLE registrations RENAME TO registrations_elsewhere")
    try:
        answer = await bob.call("POST", "/register", {"email": bob.email, "password": bob.password})
        assert answer.status_code in {202, 500}
        registration = {"registration_id": str(uuid4()), "code": _said(canaries, "918273")}
        assert (await bob.call("POST", "/verify-email", registration)).status_code == 500
    finally:
        await connection.execute("ALTER TABLE registrations_elsewhere RENAME TO registrations")
        await connection.close()
