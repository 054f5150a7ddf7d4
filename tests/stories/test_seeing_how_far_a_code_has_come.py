"""Somebody waits for a code, and the sign-in page says how far it has come, as Plivo's receipts tell."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.receipts import PUBLIC_URL, Post, receiving
from tests.standins.plivo import AUTH_TOKEN, PlivoStandIn, late, status
from tests.standins.receipts import Receipt, address_of, fields


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def post(
    database_url: str, tmp_path: Path, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> AsyncIterator[Post]:
    async with receiving(database_url, tmp_path, plivo, sweeper) as post:
        yield post


async def test_the_page_follows_a_code_from_the_provider_to_the_phone(post: Post) -> None:
    ada = await post.asked()
    seen = [(await post.seen(ada))["delivery"]]
    for status_ in ("queued", "sent", "delivered"):
        assert (await post.report(status_)).status_code == 204
        seen.append((await post.seen(ada))["delivery"])
    assert seen == ["accepted", "accepted", "sent", "delivered"]
    assert "advice" not in await post.seen(ada)
    assert (await ada.verify(post.code())).status_code == 200


async def test_every_message_has_an_address_of_its_own_that_nobody_can_guess(post: Post) -> None:
    await post.asked()
    first, second = (address_of(post.plivo, nth) for nth in (0, 1))
    assert first != second
    for address in (first, second):
        assert address.startswith(f"{PUBLIC_URL}/webhooks/plivo/")
        assert len(address.rpartition("/")[2]) == 43
    assert [request.body["method"] for request in post.plivo.requests] == ["POST", "POST"]
    kept = await post.rows.fetch("SELECT receipt FROM sends")
    assert all(len(row["receipt"]) == 32 for row in kept)


@pytest.mark.parametrize("order", [("delivered", "sent", "queued"), ("delivered", "undelivered"), ("sent", "queued")])
async def test_a_receipt_that_comes_late_changes_nothing(post: Post, order: tuple[str, ...]) -> None:
    ada = await post.asked()
    for status_ in order:
        assert (await post.report(status_)).status_code == 204
    assert (await post.seen(ada))["delivery"] == order[0]
    assert (await post.rows.fetchval("SELECT delivery FROM sends WHERE purpose = 'sign_in'")) == order[0]


async def test_a_receipt_that_is_faster_than_the_providers_answer_is_kept(post: Post) -> None:
    ada = await post.with_phone()
    post.plivo.script(late(0.5))
    sign_in = asyncio.create_task(ada.login())
    await asyncio.to_thread(post.plivo.wait_for_requests, 2)
    early = Receipt(address_of(post.plivo), fields("delivered"))
    assert (await post.call(early)).status_code == 204
    await sign_in
    assert (await post.seen(ada))["delivery"] == "delivered"


@pytest.mark.parametrize(
    ("status_", "error", "told"),
    [
        ("undelivered", "200", "text START"),
        ("failed", "200", "text START"),
        ("undelivered", "50", "cannot be reached by SMS"),
        ("rejected", "450", "cannot be reached by SMS"),
        ("undelivered", "80", "Ask for another code"),
        ("undelivered", "", "Ask for another code"),
    ],
)
async def test_who_will_not_get_a_code_is_told_what_to_do(post: Post, status_: str, error: str, told: str) -> None:
    """200: the phone texted STOP once, and no code will ever reach it again."""
    ada = await post.asked()
    assert (await post.report(status_, error=error)).status_code == 204
    seen = await post.seen(ada)
    assert seen["delivery"] == "undelivered"
    assert told in seen["advice"]
    assert ada.phone not in seen["advice"]
    (kept,) = await post.rows.fetch("SELECT error, settled_at FROM sends WHERE purpose = 'sign_in'")
    assert tuple(kept) == (error or None, post.world.clock.now())


async def test_what_is_said_of_an_older_code_is_not_said_of_the_newest(post: Post) -> None:
    ada = await post.asked()
    post.world.clock.forward(timedelta(seconds=30))
    again = await ada.call("POST", "/verify-otp/challenge", {"factor": "sms"}, token=ada.mfa_token)
    assert again.json()["delivery"] == "accepted"
    assert (await post.report("undelivered", nth=-2, error="200")).status_code == 204
    seen = await post.seen(ada)
    assert (seen["delivery"], "advice" in seen) == ("accepted", False)
    assert (await post.report("delivered")).status_code == 204
    assert (await post.seen(ada))["delivery"] == "delivered"


async def test_a_receipt_of_a_code_says_nothing_of_another_factor(post: Post) -> None:
    ada = await post.with_phone()
    assert (await ada.login()).status_code == 200
    asked = await ada.call("POST", "/verify-otp/challenge", {"factor": "recovery_code"}, token=ada.mfa_token)
    assert asked.json()["delivery"] == "none", asked.text
    assert (await post.report("delivered")).status_code == 204
    assert (await post.seen(ada))["delivery"] == "none"


async def test_a_receipt_is_signed_by_any_account_that_sends_and_by_either_family(
    database_url: str, tmp_path: Path, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> None:
    second = {
        "fallback_plivo_auth_id": "SA" + "Y" * 18,
        "fallback_plivo_auth_token": "of-the-subaccount",
        "fallback_plivo_src": "+12025550101",
    }
    async with receiving(database_url, tmp_path, plivo, sweeper, sms=second) as post:
        ada = await post.asked()
        by_v2 = post.receipt("queued")
        assert (await post.call(by_v2, by_v2.headers("V2"))).status_code == 204
        by_main = post.receipt("sent")
        assert (await post.call(by_main, by_main.headers("V3", main=True))).status_code == 204
        by_other = post.receipt("delivered")
        by_other.token = "of-the-subaccount"
        assert (await post.call(by_other, by_other.headers("V3", "V2"))).status_code == 204
        assert (await post.seen(ada))["delivery"] == "delivered"


async def test_a_part_of_a_long_message_goes_by_its_parents_name(post: Post) -> None:
    ada = await post.asked()
    part = Receipt(
        address_of(post.plivo),
        fields("sent", message=str(uuid4()), ParentMessageUUID=post.plivo.named[-1]),
    )
    assert (await post.call(part)).status_code == 204
    assert (await post.seen(ada))["delivery"] == "sent"


async def test_what_was_said_to_be_unsent_and_was_sent_after_all_is_corrected(post: Post) -> None:
    ada = await post.with_phone()
    post.plivo.script(status(400))
    assert (await ada.login()).json()["challenge"]["delivery"] == "failed"
    assert (await post.call(Receipt(address_of(post.plivo), fields("delivered")))).status_code == 204
    assert (await post.seen(ada))["delivery"] == "delivered"


@pytest.mark.parametrize(
    "groups",
    [
        {"http": {"public_url": "http://127.0.0.1:8000"}},
        {"sms": {"receipts": False}},
    ],
    ids=["not over https", "switched off"],
)
async def test_no_receipts_are_asked_for_where_they_could_not_come_safely(
    database_url: str,
    tmp_path: Path,
    plivo: PlivoStandIn,
    sweeper: asyncpg.Connection,
    groups: dict[str, Any],
) -> None:
    async with receiving(database_url, tmp_path, plivo, sweeper, **groups) as post:
        await post.asked()
        assert all("url" not in request.body for request in plivo.requests)
        made_up = Receipt("http://127.0.0.1:8000/webhooks/plivo/" + "A" * 43, fields("delivered"))
        assert (await post.call(made_up)).status_code == 404


async def test_the_token_of_a_receipt_is_in_no_log_and_no_answer(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    ada = await post.asked()
    token = address_of(post.plivo).rpartition("/")[2]
    answer = await post.report("undelivered", error="200")
    seen = await ada.call("GET", "/verify-otp", token=ada.mfa_token)
    assert token not in caplog.text + answer.text + seen.text
    assert AUTH_TOKEN not in caplog.text
