"""Every language says everything, an SMS costs one message, and no value is more than a value."""

from string import Template

import pytest

from app.texts import Text, languages, render

LONGEST_BRAND = "W" * 20
VALUES = {"brand": LONGEST_BRAND, "code": "481516", "minutes": "10"}
KEYS = {
    "sign_in",
    "confirm",
    "verify_email",
    "already_registered",
    "factor_added",
    "factor_replaced",
    "session_stolen",
}
SMS = {"sign_in", "confirm"}
GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_DOUBLE = set("^{}\\[~]|€\f")
EVERY_SMS = [(language, key) for language in sorted(languages()) for key in sorted(SMS)]


def septets(text: str) -> int:
    foreign = set(text) - GSM_7 - GSM_7_DOUBLE
    assert not foreign, f"{foreign} makes the whole message UCS-2: 70 characters"
    return sum(2 if letter in GSM_7_DOUBLE else 1 for letter in text)


def test_english_and_german_are_there() -> None:
    assert {"en", "de"} <= set(languages())


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_language_says_everything_with_the_same_values(language: str) -> None:
    texts = languages()[language]
    assert set(texts) == KEYS
    for key, text in texts.items():
        english = languages()["en"][key]
        assert set(text) == set(english) == ({"body"} if key in SMS else {"subject", "body"})
        for part, words in text.items():
            assert set(Template(words).get_identifiers()) == set(Template(english[part]).get_identifiers())


@pytest.mark.parametrize(("language", "key"), EVERY_SMS)
def test_an_sms_is_one_message_even_with_the_longest_brand(language: str, key: str) -> None:
    assert septets(render(key, locale=language, **VALUES).body) <= 160


@pytest.mark.parametrize(("language", "key"), EVERY_SMS)
def test_an_sms_begins_with_the_code_and_names_the_brand_once(language: str, key: str) -> None:
    text = render(key, locale=language, **VALUES)
    assert text.subject == ""
    assert text.body.startswith("481516 ")
    assert text.body.count("481516") == 1
    assert text.body.count(LONGEST_BRAND) == 1
    assert "http" not in text.body


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("key", sorted(KEYS - SMS))
def test_a_mail_has_a_subject_of_one_line_and_no_link(language: str, key: str) -> None:
    text = render(key, locale=language, **VALUES)
    assert text.subject
    assert text.subject.isprintable()
    assert LONGEST_BRAND in text.body
    assert "http" not in text.body
    assert "$" not in text.subject + text.body


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("de_CH", "de"),
        ("DE-Latn-DE", "de"),
        ("en-GB", "en"),
        ("tlh", "en"),
        ("", "en"),
        ("../../etc/passwd", "en"),
        ("de/../en", "en"),
        ("-", "en"),
    ],
)
def test_the_nearest_language_is_spoken_and_a_locale_is_never_a_path(locale: str, language: str) -> None:
    assert render("sign_in", locale=locale, **VALUES) == render("sign_in", locale=language, **VALUES)


def test_the_two_languages_differ() -> None:
    assert render("sign_in", locale="de", **VALUES) != render("sign_in", locale="en", **VALUES)


def test_a_value_is_put_in_and_never_interpreted() -> None:
    body = render("sign_in", locale="en", brand="$code {0} %s $$ ${minutes}", code="481516", minutes="5").body
    assert "your $code {0} %s $$ ${minutes} code" in body


def test_a_missing_value_or_an_unknown_key_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError, match="code"):
        render("sign_in", locale="en", brand="Gatehouse", minutes="5")
    with pytest.raises(KeyError):
        render("no_such_key", locale="de", **VALUES)


def test_a_text_does_not_show_its_words_when_it_is_printed() -> None:
    assert "481516" not in repr(Text(subject="481516", body="481516"))
