"""Limits of sessions and the trust in devices hold when many sign in at once, on whichever worker."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.app import AuthenticatorApp
from tests.attack.conftest import House
from tests.attack.lines import Request, at_once, lines
from tests.attack.measured import measured
from tests.attack.people import PASSWORD, Person, expect, newcomer, refreshing
from tests.attack.processes import until

pytestmark = pytest.mark.attack

LIVE = "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL"
DEVICES = "SELECT count(*) FROM devices WHERE user_id = $1"


async def test_a116_fifty_logins_at_once_leave_twenty_sessions(house: House) -> None:
    ada = await newcomer(house.service)
    user = await ada.id()
    replies = await at_once(house.service, [ada.login_request()] * 50)
    assert {reply.status for reply in replies} == {200}
    assert await house.one(LIVE, user) == 20
    assert await house.one(DEVICES, user) <= 50

    async def all_but_twenty_are_dead() -> bool:
        asked = [Request("GET", "/session", token=reply.body["access_token"]) for reply in replies]
        return Counter(reply.status for reply in await at_once(house.service, asked)) == {200: 20, 401: 30}

    await until(all_but_twenty_are_dead, "both workers know which sessions ended", within=1.5)


async def with_app(house: House) -> tuple[Person, list[str]]:
    """Somebody with an app, and their recovery codes."""
    ada = await newcomer(house.service)
    begun = expect(await ada.call("POST", "/me/factors", {"factor": "totp"}, token=ada.access_token), 201).json()
    app = AuthenticatorApp(begun["setup"]["secret"])
    now = datetime.now(UTC).timestamp()
    past = app.code(datetime.fromtimestamp(now - 30, UTC))
    path = f"/me/factors/{begun['id']}/confirm"
    codes = expect(await ada.call("POST", path, {"code": past}, token=ada.access_token), 200).json()["recovery_codes"]
    return ada, codes


async def with_trusted_device(house: House) -> tuple[Person, str]:
    """Somebody signed in on one device, and the token of another one that is trusted."""
    ada, codes = await with_app(house)
    person = {"email": ada.email, "password": PASSWORD, "remember_device": True}
    trusted = expect(await ada.call("POST", "/login", person | {"code": codes[0]}), 200).json()
    expect(await ada.call("POST", "/login", person | {"code": codes[1]}), 200)
    return ada, trusted["device_token"]


async def test_a_device_forgotten_beside_a_sign_in_on_it_leaves_no_session_on_it(house: House) -> None:
    """Whichever comes first: the session ends with the device, or never opens."""
    seen: Counter[int] = Counter()
    for round_ in range(8):
        ada, token = await with_trusted_device(house)
        user = await ada.id()
        listed = expect(await ada.call("GET", "/me/devices", token=ada.access_token), 200).json()["items"]
        other = next(item for item in listed if not item["current"] and item["device_trust"] == "trusted")
        sign_in = {"email": ada.email, "password": PASSWORD, "device_token": token}
        async with lines(house.service, 2) as (left, right):
            left.send(Request("POST", "/login", sign_in))
            await asyncio.sleep(0.1 * (round_ % 2))
            right.send(Request("DELETE", f"/me/devices/{other['id']}", token=ada.access_token))
            signed_in, forgotten = await asyncio.gather(left.reply(), right.reply())
        assert forgotten.status == 204
        assert (signed_in.status, signed_in.body.get("code")) in {(200, None), (401, "invalid_credentials")}
        seen[signed_in.status] += 1
        on_it = "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND amr = '{pwd}'"
        assert await house.one(on_it, user) == 0
        assert await house.one("SELECT count(*) FROM devices WHERE id = $1::uuid", other["id"]) == 0
    assert set(seen) == {200, 401}, "both orders are tried"
    measured(f"signed in before the device was forgotten: {seen[200]} of 8")


async def test_trust_that_begins_beside_refreshes_and_sign_ins_on_the_device_refuses_nobody(house: House) -> None:
    """The device is another one from then on, and its sessions move: they go on, and the token from before is dead."""
    ada, codes = await with_app(house)
    person = {"email": ada.email, "password": PASSWORD}
    told = expect(await ada.call("POST", "/login", person | {"code": codes.pop()}), 200).json()
    for code in codes[:6]:
        known = person | {"device_token": told["device_token"]}
        remembering = Request("POST", "/login", known | {"code": code, "remember_device": True})
        asking = Request("POST", "/login", known | {"factor": "totp"})
        replies = await at_once(house.service, [remembering, *[refreshing(told["refresh_token"]), asking] * 4])
        assert [reply.told for reply in replies] == [(200, "")] * 9
        trusted, refreshed = replies[0].body, replies[1].body
        assert trusted["device_trust"] == "trusted"
        assert len({reply.body["refresh_token"] for reply in replies[1::2]}) == 1
        statuses = []
        for token in (told["device_token"], trusted["device_token"]):
            answer = await ada.call("POST", "/login", person | {"device_token": token})
            statuses.append(expect(answer, 200).json()["status"])
        assert statuses == ["mfa_required", "authenticated"]
        told = {"device_token": trusted["device_token"], "refresh_token": refreshed["refresh_token"]}
