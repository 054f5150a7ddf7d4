"""The example of a page's session in a real browser: what is over is not shown as somebody, and a second factor completes it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest

from tests.attack.people import PASSWORD, Person, expect, newcomer, with_phone
from tests.attack.service import ROOT, Service, serving
from tests.standins.browser import CHROMIUM, Page, opened, served

SESSION = (ROOT / "examples" / "browser" / "session.js").read_text()
BEGUN = """
import {Session} from "/session.js";
const [api, email, password] = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const asked = [];
let late = null; // a path whose answer comes when something else was done
let meanwhile = async () => {};
const real = window.fetch;
window.fetch = async (url, options) => {
  const path = String(url).replace(api, "");
  if (!String(url).startsWith(api)) return real(url, options);
  asked.push(`${options.method} ${path}`);
  const answer = await real(url, options);
  if (path === late) {
    late = null;
    await meanwhile();
  }
  return answer;
};
let forgotten = 0;
const session = new Session(api, () => forgotten++);
const me = async () => (await session.call("GET", "/me")).status;
const told = (facts) => report({...facts, asked: asked.splice(0), signedIn: session.signedIn, forgotten});
"""
DEAD = """
await session.signIn({email, password});
await told({});
const later = await session.call("GET", "/me");
await told({me: later.status, resumed: await session.resume()});
"""
EXPIRED = """
await session.signIn({email, password});
asked.length = 0;
const expired = (url, options) => new Response("{}", {
  status: 401, headers: {"WWW-Authenticate": 'Bearer realm="gatehouse", error="invalid_token"'},
});
const seen = window.fetch;
let times = 2;
window.fetch = (url, options) =>
  String(url).endsWith("/me") && times-- > 0 ? expired() : seen(url, options);
await told({both: await Promise.all([me(), me()])});
"""
OVERTAKEN = """
await session.signIn({email, password});
late = "/token/refresh";
meanwhile = () => session.signOut();
await told({resumed: await session.resume(), me: await me()});
late = "/login";
await told({answer: await session.signIn({email, password}), me: await me()});
await told({resumed: await session.resume()});
await told({out: await session.signOut(), again: (await session.signIn({email, password})).status});
"""
PHONE = """
const asking = await session.signIn({email, password});
const sent = (await session.call("POST", "/verify-otp/challenge", {factor: "sms"})).status;
await told({status: asking.status, sent});
const {code} = (await (await real("/code")).json());
const wrong = (await session.prove("/verify-otp", {code: code === "000000" ? "000001" : "000000", factor: "sms"})).code;
const right = await session.prove("/verify-otp", {code, factor: "sms"});
await told({wrong, status: right.status, token: "refresh_token" in right, me: await me()});
await told({resumed: await new Session(api, () => {}).resume()});
"""
ILL = """
await session.signIn({email, password});
const open = () => new Session(api, () => forgotten++);
const seen = window.fetch;
const page = (status) => () => new Response("<html>502 Bad Gateway</html>", {status});
const during = async (answer, ask) => {
  window.fetch = (url, options) => (String(url).startsWith(api) ? answer() : seen(url, options));
  const told = await ask();
  window.fetch = seen;
  return told;
};
const gone = () => Promise.reject(new TypeError("Failed to fetch"));
const resumed = [];
for (const answer of [gone, page(502), page(200)]) resumed.push(await during(answer, () => open().resume()));
const held = await during(page(502), () => session.resume());
const proved = await during(page(502), () => session.prove("/step-up", {password}));
const signed = await during(page(502), () => open().signIn({email, password}));
await told({resumed, held, proved, signed, later: await open().resume(), out: await session.signOut()});
await told({resumed: await open().resume()});
"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@asynccontextmanager
async def shown(own_database: str, script: str, *, phone: bool = False) -> AsyncIterator[tuple[Service, Person, Page]]:
    """A page that runs *script* for somebody who is signed in elsewhere too, with a phone or without."""
    with served("<main></main>", BEGUN + script, session=SESSION) as page:
        async with serving(workers=1, database=own_database, GATEHOUSE_HTTP__CORS_ORIGINS=page.origin) as service:
            ada = await (with_phone(service) if phone else newcomer(service))
            given = quote(json.dumps([service.url, ada.email, PASSWORD]))
            with opened(f"{page.origin}/#{given}"):
                yield service, ada, page


async def sessions(person: Person) -> list[str]:
    answer = await person.call("GET", "/me/sessions", token=person.access_token)
    return [one["id"] for one in expect(answer, 200).json()["items"] if not one["current"]]


async def test_a_session_that_was_ended_elsewhere_is_nobody(own_database: str) -> None:
    async with shown(own_database, DEAD) as (_, ada, page):
        assert (await page.reported())["signedIn"]
        for one in await sessions(ada):
            expect(await ada.call("DELETE", f"/me/sessions/{one}", token=ada.access_token), 204)
        page.go_on()
        told = await page.reported()
        assert (told["me"], told["resumed"], told["signedIn"]) == (401, False, False)
        assert told["asked"] == ["GET /me", "POST /token/refresh", "POST /token/refresh"]
        assert told["forgotten"], "what the page shows is of nobody"
        page.go_on()


async def test_a_token_that_is_over_is_refreshed_once_for_all_who_ask(own_database: str) -> None:
    async with shown(own_database, EXPIRED) as (_, _, page):
        told = await page.reported()
        assert (told["both"], told["signedIn"], told["forgotten"]) == ([200, 200], True, 0)
        assert told["asked"] == ["POST /token/refresh", "GET /me", "GET /me"]
        page.go_on()


async def test_what_comes_after_a_sign_out_signs_nobody_in(own_database: str) -> None:
    async with shown(own_database, OVERTAKEN) as (_, ada, page):
        told = await page.reported()
        assert (told["resumed"], told["me"], told["signedIn"]) == (False, 401, False)
        page.go_on()
        told = await page.reported()
        assert (told["answer"], told["me"], told["signedIn"]) == (None, 401, False)
        assert await sessions(ada) == [], "the session that came too late was ended"
        page.go_on()
        told = await page.reported()
        assert (told["resumed"], told["signedIn"]) == (False, False)
        page.go_on()
        told = await page.reported()
        assert (told["out"], told["again"]) == (True, "authenticated"), "a sign-out of nobody keeps nobody out"
        page.go_on()


async def test_a_second_factor_completes_the_sign_in(own_database: str) -> None:
    async with shown(own_database, PHONE, phone=True) as (_, ada, page):
        told = await page.reported()
        assert (told["status"], told["sent"], told["signedIn"]) == ("mfa_required", 200, False)
        page.files["/code"] = ("application/json", json.dumps({"code": await ada.code("sign_in")}))
        page.go_on()
        told = await page.reported()
        assert (told["wrong"], told["status"], told["me"]) == ("invalid_mfa_code", "authenticated", 200)
        assert not told["token"], "it is in the cookie"
        page.go_on()
        assert (await page.reported())["resumed"], "the cookie was stored"
        page.go_on()


async def test_a_service_that_is_ill_is_not_nobody_and_what_a_proxy_says_is_no_answer(own_database: str) -> None:
    async with shown(own_database, ILL) as (_, _, page):
        told = await page.reported()
        assert (told["resumed"], told["held"]) == ([None, None, None], True)
        assert (told["proved"], told["signed"]) == (None, None)
        assert (told["later"], told["out"]) == (True, True), "the cookie was good all the time"
        page.go_on()
        assert (await page.reported())["resumed"] is False
        page.go_on()
