"""A refresh token is session, counter and MAC, in one spelling; whatever else is presented is nothing."""

import base64
import hmac
from uuid import UUID

import pytest

from app.crypto.keys import KeyRing
from app.crypto.refresh import RefreshClaim, RefreshTokens
from tests.crypto.conftest import FIRST, SECOND, ring_of
from tests.crypto.forge import b64, unb64

SESSION = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")


@pytest.fixture
def refresh(ring: KeyRing) -> RefreshTokens:
    return RefreshTokens(ring)


@pytest.fixture
def token(refresh: RefreshTokens) -> str:
    return refresh.mint(SESSION, 7, key_id=refresh.key_id)


@pytest.mark.parametrize("counter", [0, 1, 7, 2**31, 2**32 - 1])
def test_a_token_reads_as_it_was_minted(refresh: RefreshTokens, counter: int) -> None:
    token = refresh.mint(SESSION, counter, key_id=refresh.key_id)
    assert refresh.read(token) == RefreshClaim(SESSION, counter, refresh.key_id)


def test_there_is_one_token_for_each_counter(refresh: RefreshTokens, token: str) -> None:
    assert refresh.mint(SESSION, 7, key_id=refresh.key_id) == token
    others = {refresh.mint(SESSION, n, key_id=refresh.key_id) for n in range(100)}
    assert len(others | {refresh.mint(OTHER, 7, key_id=refresh.key_id)}) == 101


def test_every_flipped_bit_is_nothing(refresh: RefreshTokens, token: str) -> None:
    raw = unb64(token.removeprefix("ghr_"))
    assert len(raw) == 52
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        assert refresh.read("ghr_" + b64(bytes(changed))) is None


def test_every_other_length_is_nothing(refresh: RefreshTokens, token: str) -> None:
    raw = unb64(token.removeprefix("ghr_"))
    assert all(refresh.read(token[:length]) is None for length in range(len(token)))
    assert all(refresh.read("ghr_" + b64(raw[:length])) is None for length in range(len(raw)))
    for text in (raw + b"\0", b"\0" + raw, raw * 2, raw * 300):
        assert refresh.read("ghr_" + b64(text)) is None


def test_a_mac_of_another_part_is_nothing(refresh: RefreshTokens, token: str) -> None:
    """The MAC covers session and counter: neither can be taken from another token."""
    mine = unb64(token.removeprefix("ghr_"))
    later = unb64(refresh.mint(SESSION, 8, key_id=refresh.key_id).removeprefix("ghr_"))
    theirs = unb64(refresh.mint(OTHER, 7, key_id=refresh.key_id).removeprefix("ghr_"))
    for other in (later, theirs):
        assert refresh.read("ghr_" + b64(mine[:20] + other[20:])) is None
        assert refresh.read("ghr_" + b64(other[:20] + mine[20:])) is None


def _spellings(token: str) -> list[str]:
    text = token.removeprefix("ghr_")
    padded = base64.urlsafe_b64encode(unb64(text)).decode()
    return [
        text,
        "GHR_" + text,
        "ghr_ghr_" + text,
        f" {token}",
        f"{token} ",
        f"{token}\n",
        f"{token}\0",
        "ghr_" + padded,
        token + "=",
        token + "==",
        f"ghr_{text[:10]}\n{text[10:]}",
        token[:-1] + chr(ord(token[-1]) + 0xFEE0),
        "ghr_" + text[:-1] + "\u0661",
        "ghr_\ud800",
        "",
        "ghr_",
        "ghr_=",
        "ghr_A",
        "ghr_é",
        "x" * 1_000_000,
        "ghr_" + "A" * 1_000_000,
    ]


def test_a_token_has_one_spelling(refresh: RefreshTokens, token: str) -> None:
    for number, text in enumerate(_spellings(token)):
        assert refresh.read(text) is None, number


def test_plain_base64_is_another_spelling(refresh: RefreshTokens) -> None:
    minted = (refresh.mint(SESSION, n, key_id=refresh.key_id) for n in range(1000))
    token = next(token for token in minted if "-" in token and "_" in token.removeprefix("ghr_"))
    text = token.removeprefix("ghr_")
    assert refresh.read("ghr_" + text.replace("-", "+").replace("_", "/")) is None
    assert refresh.read("ghr_" + text.replace("-", "+")) is None


def test_unused_bits_of_the_last_character_are_zero(refresh: RefreshTokens, token: str) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [token[:-1] + letter for letter in letters]
    assert [text for text in spellings if refresh.read(text)] == [token]


def test_another_ring_reads_nothing(token: str) -> None:
    assert RefreshTokens(ring_of(SECOND)).read(token) is None


def test_a_session_keeps_the_key_it_was_opened_under(refresh: RefreshTokens, token: str) -> None:
    turned = RefreshTokens(ring_of(SECOND, FIRST))
    claim = turned.read(token)
    assert claim == RefreshClaim(SESSION, 7, refresh.key_id)
    assert turned.key_id != refresh.key_id
    assert turned.mint(SESSION, 7, key_id=refresh.key_id) == token
    assert turned.mint(SESSION, 7, key_id=turned.key_id) != token


def test_without_its_key_a_session_gets_no_token(refresh: RefreshTokens) -> None:
    with pytest.raises(LookupError, match="GATEHOUSE_SECRET_KEYS"):
        RefreshTokens(ring_of(SECOND)).mint(SESSION, 7, key_id=refresh.key_id)


def test_a112_what_the_database_holds_makes_no_token(refresh: RefreshTokens, ring: KeyRing) -> None:
    """A dump has session id, counter and key id; the MAC needs the key, which is derived for refresh tokens alone."""
    stored = SESSION.bytes + (7).to_bytes(4)
    for key in (refresh.key_id, b"", ring.newest("codes").key, ring.newest("vault").key):
        mac = hmac.digest(key, stored, "sha256")
        assert refresh.read("ghr_" + b64(stored + mac)) is None
