"""The example of a page's session in a real browser: after a sign-out nothing of anybody is left, whether or not it is heard."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest

from tests.attack.people import PASSWORD, Person, newcomer
from tests.attack.service import ROOT, Service, serving
from tests.standins.browser import CHROMIUM, Page, opened, served

SESSION = (ROOT / "examples" / "browser" / "session.js").read_text()
SCRIPT = """
import {Session} from "/session.js";
const [api, email, password] = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const main = document.querySelector("main");
const open = () => new Session(api, () => main.replaceChildren());
async function tell(session, did) {
  const me = await session.call("GET", "/me");
  const stored = {...localStorage, ...sessionStorage};
  const seen = {me: me && me.status, shown: main.textContent, stored, cookie: document.cookie};
  await report({did, signedIn: session.signedIn, ...seen});
}
const session = open();
await session.signIn({email, password});
main.textContent = (await (await session.call("GET", "/me")).json()).email;
sessionStorage.setItem("draft", email);
await tell(session, "signed in");
await tell(open(), await open().resume());
await tell(session, await session.signOut());
const later = open();
await tell(later, await later.resume());
"""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@asynccontextmanager
async def signed_in_at(own_database: str) -> AsyncIterator[tuple[Service, Person, Page]]:
    """Somebody who is signed in elsewhere too, and a page that has just signed them in and can go on after a reload."""
    with served("<main></main>", SCRIPT, session=SESSION) as page:
        async with serving(workers=1, database=own_database, GATEHOUSE_HTTP__CORS_ORIGINS=page.origin) as service:
            ada = await newcomer(service)
            given = quote(json.dumps([service.url, ada.email, PASSWORD]))
            with opened(f"{page.origin}/#{given}"):
                told = await page.reported()
                assert (told["did"], told["signedIn"], told["me"], told["shown"]) == ("signed in", True, 200, ada.email)
                assert told["stored"].keys() == {"draft", "gatehouse.device"}, "no token but that of the device"
                assert told["cookie"] == "", "no script sees it"
                page.go_on()
                told = await page.reported()
                assert told["did"] is True, "the cookie goes on with the session"
                yield service, ada, page


async def sessions(person: Person) -> int:
    return len((await person.call("GET", "/me/sessions", token=person.access_token)).json()["items"])


def nothing_is_left(told: dict[str, Any]) -> bool:
    return (
        not told["signedIn"]
        and told["shown"] == ""
        and not told["stored"].keys() - {"gatehouse.device", "gatehouse.leaving"}
    )


async def test_signing_out_forgets_everything_but_that_the_device_is_known(own_database: str) -> None:
    async with signed_in_at(own_database) as (_, ada, page):
        assert await sessions(ada) == 2
        page.go_on()
        told = await page.reported()
        assert (told["did"], told["me"], nothing_is_left(told)) == (True, 401, True)
        assert told["stored"].keys() == {"gatehouse.device"}
        assert await sessions(ada) == 1
        page.go_on()
        told = await page.reported()
        assert (told["did"], told["signedIn"]) == (False, False), "the cookie is gone"
        page.go_on()


async def test_without_a_connection_it_forgets_as_much_and_the_service_is_told_later(own_database: str) -> None:
    async with signed_in_at(own_database) as (service, ada, page):
        await service.kill()
        page.go_on()
        told = await page.reported()
        assert (told["did"], told["me"], nothing_is_left(told)) == (False, None, True)
        assert "gatehouse.leaving" in told["stored"]
        await service.start()
        assert await sessions(ada) == 2, "nobody told the service yet, and the cookie would still be good"
        page.go_on()
        told = await page.reported()
        assert (told["did"], told["signedIn"], told["me"]) == (False, False, 401)
        assert told["stored"].keys() == {"gatehouse.device"}
        assert await sessions(ada) == 1
        page.go_on()
