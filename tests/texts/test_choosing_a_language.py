"""The user's own language, then what the request accepts, then English; and a header cannot hurt."""

import time

import pytest

from app.texts import LANGUAGES, Texts
from tests.texts.yardsticks import choose


@pytest.mark.parametrize(
    ("user_locale", "accept_language", "language"),
    [
        ("de", "fr", "de"),
        ("de-AT", "fr", "de"),
        ("pt_BR", None, "pt"),
        ("xx", "fr", "fr"),
        (None, "fr", "fr"),
        ("", "ja-JP", "ja"),
        ("xx", "xy", "en"),
        (None, None, "en"),
        (None, "", "en"),
    ],
)
def test_the_users_own_locale_comes_first_then_the_request_then_english(
    user_locale: str | None, accept_language: str | None, language: str
) -> None:
    assert choose(user_locale, accept_language) == language


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("xx, en-gb;q=0.8, en;q=0.7", "en"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        ("de;q=0.7,it;q=0.8", "it"),
        ("de;q=0.8,it;q=0.8", "de"),
        ("it;q=0.001, de;q=0.002", "de"),
        ("nl;q=1.000,de", "nl"),
        ("xx,*", "en"),
        ("*", "en"),
        ("*;q=0.1, tr;q=0.2", "tr"),
        ("*, tr;q=0.2", "en"),
        ("de-CH, de;q=0, fr;q=0.1", "fr"),
        ("de;q=0", "en"),
        ("en;q=0", "en"),
        ("de;q=0.0, pl;q=0.", "en"),
        ("DE-at", "de"),
        ("de ; Q=0.5,\tpl", "pl"),
        (",, ,de,,", "de"),
        ("xx-Hant-TW, ja-Jpan-JP-u-ca-japanese;q=0.3", "ja"),
        ("i-klingon, x-private, es-419", "es"),
    ],
)
def test_the_request_is_read_as_rfc_9110_and_rfc_4647_say(accept_language: str, language: str) -> None:
    assert choose(None, accept_language) == language


@pytest.mark.parametrize(
    "element",
    [
        "de;q=2",
        "de;q=1.001",
        "de;q=0.1234",
        "de;q=-1",
        "de;q=nan",
        "de;q=1e0",
        "de;q=",
        "de;level=1",
        "de;q=1;q=1",
        "de fr",
        "de-",
        "-de",
        "de--at",
        "de_AT",
        "*-de",
        "ｄｅ",
        "de;q=٠",
        "../de",
        "de\0",
        "de\r\nSet-Cookie: a=b",
        "deutschland",
        "d" * 9,
    ],
)
def test_what_is_malformed_is_passed_over_and_hides_nothing_else(element: str) -> None:
    assert choose(None, element) == "en"
    assert choose(None, f"{element}, pl;q=0.1") == "pl"


@pytest.mark.parametrize(
    "hostile",
    [
        "de," * 5_000_000,
        "de-" * 5_000_000,
        "a" * 10_000_000,
        "de;q=0." + "0" * 10_000_000,
        "de" + " " * 10_000_000 + ";q=1",
        "*" * 10_000_000,
    ],
    ids=lambda hostile: hostile[:8],
)
def test_a_header_of_ten_megabytes_costs_nothing_and_says_nothing(hostile: str) -> None:
    began = time.perf_counter()
    assert choose(None, hostile) == "en"
    assert choose(hostile, "pl") in {"pl", "de"}
    assert time.perf_counter() - began < 0.5


def test_the_longest_header_that_is_read_costs_next_to_nothing() -> None:
    header = ",".join(["x-a-a-a-a-a-a-a-a-a-a-a"] * 41)
    assert 950 < len(header) <= 1000
    began = time.perf_counter()
    for _ in range(100):
        assert choose(None, header) == "en"
    assert time.perf_counter() - began < 1


def test_an_answer_is_always_one_of_the_languages_there_are() -> None:
    for asked in ("../../etc/passwd", "__class__", "de/../../x", "en.toml", "\0", "é", "de\n"):
        assert choose(asked, asked) in LANGUAGES


def test_a_language_that_an_operator_adds_can_be_chosen_and_a_nearer_one_wins() -> None:
    texts = Texts({"xx": {}, "de-at": {}})
    assert texts.choose(None, "xx") == "xx"
    assert texts.choose("de-AT-1996", None) == "de-at"
    assert texts.choose("de-CH", None) == "de"


def test_a_single_letter_is_dropped_together_with_what_it_introduces() -> None:
    assert Texts({"de-x": {}}).choose("de-x-private", None) == "de"
