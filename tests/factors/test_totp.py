"""Codes of an authenticator app, by the published vectors and by an independent implementation."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
import zxingcpp
from pydantic import SecretStr

from app.crypto.codes import Fingerprints
from app.crypto.keys import KeyRing, new_secret_key
from app.factors.base import About, Asked, CodeRejected, Holder
from app.factors.totp import EnrollTotp, Totp, TotpAnswer, TotpSettings, TotpSetup, TotpState
from app.messages import Purpose
from tests.app import AuthenticatorApp

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "otp.json").read_text())["rfc6238_appendix_b"]
SHA1 = [row for row in VECTORS["vectors"] if row["mode"] == "SHA1"]
SEED = VECTORS["seeds"]["SHA1"]["base32"]
HOLDER = Holder("ada@example.com", "Gatehouse & Co")
ASKED = Asked(About(UUID(int=1), Purpose.SIGN_IN), None, None)
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.fixture
def totp() -> Totp:
    return Totp(TotpSettings(), fingerprints=Fingerprints(KeyRing([SecretStr(new_secret_key())])))


def accept(totp: Totp, state: TotpState, code: str, at: datetime = NOW) -> TotpState:
    return totp.accept(state, TotpAnswer(code=code), ASKED, at)


@pytest.mark.parametrize("row", SHA1, ids=lambda row: row["utc"])
def test_a049_the_published_vectors_pass_beyond_32_bits_too(totp: Totp, row: dict[str, Any]) -> None:
    """RFC 6238 Appendix B; the last row is the year 2603 (N08, A049)."""
    at = datetime.fromtimestamp(row["unix_time"], UTC)
    assert accept(totp, TotpState(seed=SEED), row["totp6"], at).last_step == row["unix_time"] // 30


def test_there_are_vectors_on_both_sides_of_32_bits() -> None:
    assert min(row["unix_time"] for row in SHA1) < 2**31 < 2**33 < max(row["unix_time"] for row in SHA1)


def test_another_implementation_agrees(totp: Totp) -> None:
    for days in range(0, 4000, 37):
        state = totp.enroll(EnrollTotp(factor="totp"), HOLDER).state
        at = NOW + timedelta(days=days, seconds=days % 30)
        assert accept(totp, state, AuthenticatorApp(state.seed).code(at), at).last_step == int(at.timestamp()) // 30


@pytest.mark.parametrize(("steps", "good"), [(-3, False), (-2, False), (-1, True), (0, True), (1, False), (2, False)])
def test_a047_the_current_and_one_past_step_are_good(totp: Totp, steps: int, good: bool) -> None:
    code = AuthenticatorApp(SEED).code(NOW + steps * STEP)
    if good:
        assert accept(totp, TotpState(seed=SEED), code).last_step == int(NOW.timestamp()) // 30 + steps
        return
    with pytest.raises(CodeRejected):
        accept(totp, TotpState(seed=SEED), code)


def test_a_step_is_used_once_and_nothing_before_it(totp: Totp) -> None:
    """RFC 6238 §5.2 (N09)."""
    app = AuthenticatorApp(SEED)
    past, current, next_one = app.code(NOW - STEP), app.code(NOW), app.code(NOW + STEP)
    used = accept(totp, TotpState(seed=SEED), current)
    for code in (past, current):
        with pytest.raises(CodeRejected):
            accept(totp, used, code)
    in_order = accept(totp, accept(totp, TotpState(seed=SEED), past), current)
    assert in_order.last_step == used.last_step
    assert accept(totp, used, next_one, NOW + STEP).last_step == used.last_step + 1


def test_seeds_have_160_bits_and_no_two_are_alike(totp: Totp) -> None:
    """N01, N07."""
    seeds = {totp.enroll(EnrollTotp(factor="totp"), HOLDER).state.seed for _ in range(300)}
    assert len(seeds) == 300
    assert all(re.fullmatch("[A-Z2-7]{32}", seed) for seed in seeds)


def test_the_qr_code_is_read_by_a_reader_of_qr_codes(totp: Totp) -> None:
    enrolled = totp.enroll(EnrollTotp(factor="totp"), HOLDER)
    setup = enrolled.setup
    assert isinstance(setup, TotpSetup)
    assert [barcode.text for barcode in zxingcpp.read_barcodes(_picture(setup.qr_svg))] == [setup.otpauth_uri]
    uri = urlsplit(setup.otpauth_uri)
    query = parse_qs(uri.query)
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == "/Gatehouse & Co:ada@example.com"
    assert query["issuer"] == ["Gatehouse & Co"]
    assert query["secret"] == [setup.secret] == [enrolled.state.seed]


def test_a_hostile_name_stays_a_name(totp: Totp) -> None:
    setup = totp.enroll(EnrollTotp(factor="totp"), Holder('a"<script>&secret=X@example.com', "Brand")).setup
    assert isinstance(setup, TotpSetup)
    assert "<script>" not in setup.qr_svg
    assert parse_qs(urlsplit(setup.otpauth_uri).query)["secret"] == [setup.secret]


def _picture(svg: str, *, scale: int = 4) -> memoryview:
    """The dark modules of segno's one path (relative moves and horizontal lines), as a grey picture."""
    size = int(re.findall(r'width="(\d+)"', svg)[0])
    path = re.findall(r'class="qrline"[^>]* d="([^"]+)"', svg)[0]
    pixels = bytearray(b"\xff" * size * size)
    x = y = 0.0
    for command, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", path):
        if command == "h":
            top, left, right = int((y - 0.5) * scale), int(x * scale), int((x + float(first)) * scale)
            for row in range(top, top + scale):
                pixels[row * size + left : row * size + right] = b"\0" * (right - left)
            x += float(first)
        elif command == "M":
            x, y = float(first), float(second)
        else:
            x, y = x + float(first), y + float(second)
    return memoryview(bytes(pixels)).cast("B", (size, size))
