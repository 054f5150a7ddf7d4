"""An SMS costs one message: with the longest brand, and with the longest last line where the script allows it."""

import pytest

from app.texts import LastLine, Texts
from tests.texts.yardsticks import (
    APP_HASH,
    GSM_7,
    LANGUAGES,
    LONGEST_ORIGIN,
    SMS,
    SMS_WITH_CODE,
    VALUES,
    sms_count,
)

BEYOND_GSM_7 = {(language, key) for language in ("ja", "tr") for key in SMS} | {("pl", "phone_changed_sms")}
LAST_LINES = {
    "none": LastLine(),
    "origin": LastLine(LONGEST_ORIGIN),
    "app hash": LastLine(None, APP_HASH),
    "both": LastLine(LONGEST_ORIGIN, APP_HASH),
}


def said(key: str, language: str, last_line: LastLine, **changes: str) -> str:
    return Texts(last_line=last_line).render(key, locale=language, **(VALUES | changes)).body


@pytest.mark.parametrize("ending", LAST_LINES)
@pytest.mark.parametrize("key", SMS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_one_message_or_two_beyond_gsm_7_with_a_last_line(language: str, key: str, ending: str) -> None:
    values = VALUES if key in SMS_WITH_CODE else {"brand": VALUES["brand"]}
    text = Texts(last_line=LAST_LINES[ending]).render(key, locale=language, **values).body
    assert (set(text) <= GSM_7) == ((language, key) not in BEYOND_GSM_7)
    two = ending != "none" and key in SMS_WITH_CODE and (language, key) in BEYOND_GSM_7
    assert sms_count(text) <= (2 if two else 1)


@pytest.mark.parametrize("ending", ["app hash", "both"])
@pytest.mark.parametrize("key", SMS_WITH_CODE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_an_android_app_may_read_is_at_most_140_bytes(language: str, key: str, ending: str) -> None:
    text = said(key, language, LAST_LINES[ending])
    assert text.endswith(APP_HASH)
    assert len(text.encode()) <= 140


@pytest.mark.parametrize("language", ["ja", "tr"])
def test_with_names_of_common_length_one_message_is_enough_beyond_gsm_7_too(language: str) -> None:
    text = said("sign_in", language, LastLine("acme.com" if language == "tr" else "example.com"), brand="Acme")
    assert sms_count(text) == 1


def test_the_full_text_is_said_where_it_fits_and_the_short_one_where_it_saves_a_message() -> None:
    assert "Change your password" in said("sign_in", "en", LastLine(), brand="Gatehouse")
    assert "Change your password" in said("sign_in", "en", LastLine("example.com"), brand="Gatehouse")
    assert "Change your password" not in said("sign_in", "en", LastLine(LONGEST_ORIGIN))
    assert "Nie Ty?" not in said("sign_in", "pl", LastLine(LONGEST_ORIGIN))
    assert said("phone_changed_sms", "pl", LastLine(), brand="Gatehouse").startswith("Ten numer")
    assert said("phone_changed_sms", "pl", LastLine()).startswith(VALUES["brand"])


def test_the_full_text_is_kept_where_the_short_one_would_cost_as_much() -> None:
    texts = Texts({"en": {"sign_in": {"body": "$code " + "あ" * 90, "short": "$code " + "あ" * 80}}})
    assert texts.render("sign_in", locale="en", code="481516").body == "481516 " + "あ" * 90


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("あ" * 70, 1),
        ("あ" * 71, 2),
        ("あ" * 134, 2),
        ("あ" * 135, 3),
        ("ç" + "a" * 69, 1),
        ("ç" + "a" * 70, 2),
        ("😀" * 35, 1),
        ("😀" * 35 + "a", 2),
    ],
)
def test_the_yardstick_and_the_app_count_alike(text: str, count: int) -> None:
    """One form fits, the other is longer: which is said shows what the app has counted."""
    assert sms_count(text) == count
    for limit in range(1, count + 1):
        other = "a" * (160 if limit == 1 else 153 * limit)
        texts = Texts({"en": {"notice": {"body": text, "short": other}}})
        assert (texts.render("notice", locale="en").body == text) == (count <= limit)
