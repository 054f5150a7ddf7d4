"""Receipts from attackers: nobody but Plivo moves a message's state, nobody twice, and nothing but that state moves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import asyncpg
import httpx
import pytest

from tests.receipts import Post, receiving
from tests.standins.plivo import PlivoStandIn
from tests.standins.receipts import FORM, Receipt, address_of, fields, replaced
from tests.statements import CONNECTION, asked

OTHER_HOST = "https://other.example.test"


@pytest.fixture
def plivo() -> Iterator[PlivoStandIn]:
    with PlivoStandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def post(
    database_url: str, tmp_path: Path, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> AsyncIterator[Post]:
    async with receiving(
        database_url, tmp_path, plivo, sweeper, limits={"network": "enforce", "refused_receipts": "1000/minute"}
    ) as post:
        yield post


def forgeries(honest: Receipt) -> dict[str, dict[str, str]]:
    """Headers that do not prove *honest*, by what is wrong with them."""
    good = honest.headers("V3")
    other_token = Receipt(honest.address, honest.fields, honest.nonce, token="another-account")
    other_host = Receipt(OTHER_HOST + urlsplit(honest.address).path, honest.fields, honest.nonce)
    other_path = Receipt(honest.address[:-1] + "_", honest.fields, honest.nonce)
    no_nonce = Receipt(honest.address, honest.fields, "")
    flipped = {name: value.swapcase() if name == "X-Plivo-Signature-V3" else value for name, value in good.items()}
    return {
        "none": {"Content-Type": FORM},
        "only a nonce": {name: value for name, value in good.items() if not name.endswith("-V3")},
        "no nonce": {name: value for name, value in good.items() if not name.endswith("Nonce")},
        "an empty nonce, signed": no_nonce.headers("V3", "V2"),
        "a nonce without end": Receipt(honest.address, honest.fields, "9" * 129).headers("V3", "V2"),
        "an empty signature": good | {"X-Plivo-Signature-V3": ""},
        "a changed signature": flipped,
        "another token's": other_token.headers("V3", "V2"),
        "for another host": other_host.headers("V3", "V2") | {"Host": "other.example.test"},
        "for another path": other_path.headers("V3", "V2"),
        "another nonce": good | {"X-Plivo-Signature-V3-Nonce": honest.nonce + "1"},
        "of another family": good | {"X-Plivo-Signature-V3": honest.signature("V2")},
        "not ASCII": good | {"X-Plivo-Signature-V3": "\u00e9" * 44},
        "a list without end": good | {"X-Plivo-Signature-V3": ",".join([honest.signature("V3")] * 9)},
    }


async def test_a169_a_receipt_that_is_not_signed_right_is_refused_and_changes_nothing(post: Post) -> None:
    await post.asked()
    honest, before = post.receipt("delivered"), await post.everything()
    for name, headers in forgeries(honest).items():
        encoded = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]
        answer = await post.world.client.post(urlsplit(honest.address).path, content=honest.body(), headers=encoded)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), name
        assert await post.everything() == before, name
    assert (await post.call(honest)).status_code == 204


async def test_a169_a_signature_over_a_query_or_another_method_opens_nothing(post: Post) -> None:
    await post.asked()
    honest, before = post.receipt("delivered"), await post.everything()
    path = urlsplit(honest.address).path
    got = await post.world.client.get(path, params=dict(honest.fields), headers=honest.headers("V3", "V2"))
    assert got.status_code == 405
    asked = await post.call(honest, honest.headers("V3"), body=b"", path=f"{path}?{urlencode(honest.fields)}")
    assert asked.status_code == 403
    by_v2 = await post.call(honest, honest.headers("V2"), body=b"", path=f"{path}?{urlencode(honest.fields)}")
    assert by_v2.status_code == 422
    assert await post.everything() == before


async def test_a169_a_right_signature_for_an_unknown_receipt_or_message_is_not_found(post: Post) -> None:
    await post.asked()
    before = await post.everything()
    unknown = Receipt(address_of(post.plivo)[:-4] + "AAAA", fields("delivered"))
    assert (await post.call(unknown)).json()["code"] == "not_found"
    of_another_message = Receipt(address_of(post.plivo), fields("delivered"))
    assert (await post.call(of_another_message)).json()["code"] == "not_found"
    assert await post.everything() == before


async def test_a169_a_day_later_no_receipt_is_taken(post: Post) -> None:
    await post.asked()
    before = await post.everything()
    post.world.clock.forward(timedelta(days=1))
    assert (await post.report("delivered")).json()["code"] == "not_found"
    assert await post.everything() == before


async def test_a169_a_receipt_moves_nothing_but_delivery(post: Post) -> None:
    """Neither attempts nor locks nor cool-downs; and the code is as good as before."""
    ada = await post.asked()
    shown = await post.seen(ada)
    tables = ("cooldowns", "budgets", "sessions", "users", "enrollments", "limits", "throttles")
    before = [await post.rows.fetch(f"SELECT xmin::text, * FROM {table}") for table in tables]  # noqa: S608  ours
    assert (await post.report("undelivered", error="200")).status_code == 204
    after = [await post.rows.fetch(f"SELECT xmin::text, * FROM {table}") for table in tables]  # noqa: S608
    assert after == before
    seen = await post.seen(ada)
    changed = {name for name in seen if seen[name] != shown.get(name)}
    assert changed == {"delivery", "advice"}
    assert (await ada.verify(post.code())).status_code == 200


async def test_a170_the_same_call_again_is_refused_and_changes_nothing(post: Post) -> None:
    await post.asked()
    sent = post.receipt("sent")
    headers, body = sent.headers("V3", "V2"), sent.body()
    assert (await post.call(sent, headers)).status_code == 204
    before = await post.everything()
    for _ in range(3):
        again = await post.call(sent, headers, body=body)
        assert (again.status_code, again.json()["code"]) == (403, "insufficient_scope")
    post.world.clock.forward(timedelta(hours=23))
    assert (await post.call(sent, headers, body=body)).status_code == 403
    assert await post.everything() == before


@pytest.mark.parametrize("family", ["V2", "V3"])
async def test_a170_a_nonce_that_was_used_proves_nothing_else(post: Post, family: str) -> None:
    """V2 does not cover the form: what was signed for one state must not be good for another one."""
    await post.asked()
    sent = post.receipt("sent")
    both = sent.headers("V3", "V2")
    assert (await post.call(sent, both)).status_code == 204
    before = await post.everything()
    alone = {name: value for name, value in both.items() if family in name or name == "Content-Type"}
    lie = urlencode(replaced(sent.fields, Status="delivered")).encode()
    assert (await post.call(sent, alone, body=lie)).status_code == 403
    assert (await post.call(sent, alone)).status_code == 403
    assert await post.everything() == before


async def test_a170_the_same_call_many_times_at_once_to_two_replicas_is_taken_once(
    post: Post, database_url: str, tmp_path: Path, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> None:
    await post.asked()
    sent = post.receipt("sent")
    async with receiving(database_url, tmp_path, plivo, sweeper) as replica:
        calls = [office.call(sent, sent.headers()) for office in (post, replica) for _ in range(10)]
        answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [204, *[403] * 19]


async def test_a170_nonces_are_bounded_and_forgotten_when_their_message_is_too_old(post: Post) -> None:
    await post.asked()
    answers = [(await post.report("sent")).status_code for _ in range(34)]
    assert answers == [204] * 32 + [403] * 2
    assert await post.rows.fetchval("SELECT count(*) FROM receipt_nonces") == 32
    post.world.clock.forward(timedelta(days=3))
    ada = await post.asked()
    assert (await post.report("delivered")).status_code == 204
    assert await post.rows.fetchval("SELECT count(*) FROM receipt_nonces") == 1
    assert (await post.seen(ada))["delivery"] == "delivered"


def ambiguities(honest: Receipt) -> dict[str, list[tuple[str, str]]]:
    """Other forms under the same V3 signature: bytes moved between names and values."""
    message = dict(honest.fields)["MessageUUID"]
    rest = [pair for pair in honest.fields if pair[0] not in {"MessageUUID", "Status"}]
    fitting = {
        "into a name": [*rest, ("MessageUUID", message), ("Statusdel", "ivered")],
        "out of a name": [*rest, ("MessageUUID", message), ("Stat", "usdelivered")],
        "the whole form in one name": [("".join(f"{n}{v}" for n, v in sorted(honest.fields)), "")],
    }
    return {name: pairs for name, pairs in fitting.items() if _same(honest, pairs)}


def _same(honest: Receipt, pairs: list[tuple[str, str]]) -> bool:
    return Receipt(honest.address, pairs, honest.nonce).signature("V3") == honest.signature("V3")


async def test_a172_a_form_with_other_names_under_the_same_signature_is_refused(post: Post) -> None:
    await post.asked()
    honest, before = post.receipt("delivered"), await post.everything()
    shapes = ambiguities(honest)
    assert len(shapes) == 3
    for name, pairs in shapes.items():
        answer = await post.call(honest, body=urlencode(pairs).encode())
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), name
        assert "ivered" not in answer.text, name
    assert await post.everything() == before
    assert (await post.call(honest)).status_code == 204


async def test_a172_a_status_that_was_swallowed_by_a_neighbour_is_missing(post: Post) -> None:
    """`MessageUUID=…Statusdelivered` is signed alike; it is no UUID, and no Status is left."""
    await post.asked()
    honest = Receipt(address_of(post.plivo), [("MessageUUID", "u1"), ("Status", "delivered")])
    swallowed = [("MessageUUID", "u1Statusdelivered")]
    assert _same(honest, swallowed)
    before = await post.everything()
    answer = await post.call(honest, body=urlencode(swallowed).encode())
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"#/MessageUUID", "#/Status"}
    assert await post.everything() == before


async def test_a172_unknown_missing_double_and_ill_shaped_fields_are_refused(post: Post) -> None:
    await post.asked()
    good = post.receipt("delivered").fields
    before = await post.everything()
    forms = {
        "unknown": [*good, ("Extra", "1")],
        "unknown, our own name": [*good, ("message_uuid", "1")],
        "missing status": replaced(good, Status=None),
        "missing message": replaced(good, MessageUUID=None),
        "double": [*good, ("Status", "delivered")],
        "double, another value": [*good, ("Status", "sent")],
        "no such status": replaced(good, Status="Delivered"),
        "no such code": [*good, ("ErrorCode", "200; DROP")],
        "a long value": replaced(good, From="1" * 129),
        "a control character": replaced(good, To="1202555\x000123"),
        "no ASCII": replaced(good, To="\u0661\u0662"),
        "nothing": [],
    }
    for name, pairs in forms.items():
        answer = await post.call(Receipt(address_of(post.plivo), pairs))
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), name
    assert await post.everything() == before


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Content-Type": "application/json"}, b"{}", 415, "unsupported_media_type"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415, "unsupported_media_type"),
        ({"Content-Encoding": "gzip"}, b"Status=sent", 415, "unsupported_media_type"),
        ({}, b"Status", 400, "malformed_request"),
        ({}, b"Status=\xff", 400, "malformed_request"),
        ({}, b"Status=%FF", 400, "malformed_request"),
        ({}, b"&".join(b"a%d=1" % n for n in range(41)), 400, "malformed_request"),
        ({}, b"Status=" + b"s" * 20_000, 413, "payload_too_large"),
    ],
)
async def test_a172_what_is_no_plain_form_is_refused(
    post: Post, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    receipt = Receipt("https://id.example.test/webhooks/plivo/" + "A" * 43, [])
    answer = await post.call(receipt, receipt.headers("V2") | headers, body=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a173_a_flood_of_forgeries_asks_no_database_and_holds_nobody_up(
    database_url: str,
    tmp_path: Path,
    plivo: PlivoStandIn,
    sweeper: asyncpg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = {"network": "enforce", "refused_receipts": "60/minute"}
    async with receiving(database_url, tmp_path, plivo, sweeper, limits=limits, logs={"level": "INFO"}) as post:
        ada = await post.asked()
        honest, before = post.receipt("delivered"), await post.everything()
        forged = Receipt(honest.address, honest.fields, honest.nonce, token="another-account")
        caplog.set_level(logging.INFO)
        with asked() as statements:
            answers = [await post.call(honest, forged.headers()) for _ in range(200)]
        assert [answer.status_code for answer in answers] == [403] * 60 + [429] * 140
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        assert len(statements) <= 2, "a connection, and the flood's one row in the audit log"
        assert all("audit_events" in one for one in statements if one != CONNECTION)
        assert await post.everything() == before

        forged_elsewhere = forged.headers() | {"X-Forwarded-For": "203.0.113.9"}
        assert (await post.call(honest, forged_elsewhere)).status_code == 429
        assert (await post.call(honest)).status_code == 204
        assert (await post.seen(ada))["delivery"] == "delivered"


async def test_a173_no_page_of_any_origin_may_call_it_or_read_it(
    database_url: str, tmp_path: Path, plivo: PlivoStandIn, sweeper: asyncpg.Connection
) -> None:
    page = "https://app.example.test"
    http = {"public_url": "https://id.example.test", "cors_origins": [page]}
    async with receiving(database_url, tmp_path, plivo, sweeper, http=http) as post:
        preflight = {"Origin": page, "Access-Control-Request-Method": "POST"}
        path = "/webhooks/plivo/" + "A" * 43
        plain = httpx.ASGITransport(app=post.world.app)
        async with httpx.AsyncClient(transport=plain, base_url="http://127.0.0.1:8000") as browser:
            for answer in (
                await browser.options(path, headers=preflight),
                await browser.post(path, content=b"", headers={"Origin": page, "Content-Type": FORM}),
            ):
                assert not [name for name in answer.headers if name.startswith("access-control-")]
            elsewhere = await browser.options("/login", headers=preflight)
            assert elsewhere.headers["access-control-allow-origin"] == page
