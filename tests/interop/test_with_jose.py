"""What is issued is verified by another implementation than ours: npm `jose`, as a service in JavaScript would (`make interop`)."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.attack.people import Person, expect, newcomer, with_phone
from tests.attack.service import Service, serving

HERE = Path(__file__).parent
MISSING = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {' and '.join(MISSING)}"),
    pytest.mark.skipif(not (HERE / "node_modules" / "jose").exists(), reason="`make interop` installs jose first"),
]
NO_SUCH_KEY, OF_ANOTHER_TYPE = "ERR_JWKS_NO_MATCHING_KEY", "ERR_JWT_CLAIM_VALIDATION_FAILED"


@pytest.fixture(params=["ES256", "EdDSA", "PS256"], scope="module")
async def service(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Service, str]]:
    async with serving(workers=1, GATEHOUSE_TOKENS__ALGORITHM=request.param) as service:
        yield service, request.param


async def verified(service: Service, **tokens: str) -> dict[str, Any]:
    """What jose makes of the feed and of these tokens."""
    done = await asyncio.to_thread(
        subprocess.run,
        ["node", str(HERE / "verify.mjs"), service.url],
        check=True,
        input=json.dumps({"tokens": tokens}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def waiting(service: Service) -> Person:
    """Somebody signed in, who then proved the password again and not yet the factor."""
    ada = await with_phone(service)
    expect(await ada.login(), 200)
    return ada


async def test_jose_takes_an_access_token_and_refuses_a_pending_one(service: tuple[Service, str]) -> None:
    running, algorithm = service
    ada = await waiting(running)
    told = await verified(running, access=ada.access_token, pending=ada.mfa_token)
    access = told["access"]
    assert (access["header"]["alg"], access["header"]["typ"]) == (algorithm, "at+jwt")
    assert (access["claims"]["scope"], access["claims"]["acr"]) == ("full", "urn:gatehouse:mfa")
    assert told["pending"] == {"refused": NO_SUCH_KEY}, "its key is published nowhere"


async def test_jose_reads_the_feed_and_finds_an_ended_session_in_it(service: tuple[Service, str]) -> None:
    running, algorithm = service
    ada = await newcomer(running)
    before = await verified(running, access=ada.access_token)
    session = before["access"]["claims"]["sid"]
    assert session not in before["feed"]["claims"]["sessions"]
    expect(await ada.call("POST", "/logout", {}, token=ada.access_token), 204)
    await asyncio.sleep(1)
    feed = (await verified(running))["feed"]
    assert (feed["header"]["alg"], feed["header"]["typ"]) == (algorithm, "revocations+jwt")
    assert session in feed["claims"]["sessions"]


async def test_jose_takes_neither_for_the_other_nor_what_was_changed(service: tuple[Service, str]) -> None:
    running, _ = service
    ada = await newcomer(running)
    head, payload, signature = ada.access_token.split(".")
    changed = f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    told = await verified(running, access=ada.access_token, changed=changed)
    assert told["access_as_feed"] == {"refused": "NOT_THE_FEED"}
    assert told["feed_as_token"] == {"refused": OF_ANOTHER_TYPE}
    assert told["changed"] == {"refused": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}
