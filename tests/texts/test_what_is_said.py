"""Every language says everything: code first, whose it is, no link; and no value is more than a value."""

import re
import unicodedata
from pathlib import Path
from string import Template

import pytest

from app.texts import Text, ours
from tests.texts.yardsticks import LANGUAGES, LONGEST_BRAND, SMS, SMS_WITH_CODE, VALUES, render

ROOT = Path(__file__).parents[2]
MAILS_WITH_CODE = {f"{key}_mail" for key in SMS_WITH_CODE}
"""In the place of an SMS, for a factor that mails its code."""
MAILS = {
    "verify_email",
    "already_registered",
    "factor_added",
    "factor_replaced",
    "factor_removed",
    "factor_locked",
    "phone_changed",
    "recovery_code_used",
    "recovery_codes_renewed",
    "password_expired",
    "password_expired_by_operator",
    "session_stolen",
    "reset_password",
    "password_changed",
    "account_deleted",
    "change_email",
    "email_taken",
    "email_changed",
    "email_change_undone",
    "enroll",
    *MAILS_WITH_CODE,
    "factors_reset",
    "account_created",
}
EVERY_SMS = [(language, key) for language in LANGUAGES for key in SMS]
EVERY_MAIL = [(language, key) for language in LANGUAGES for key in sorted(MAILS)]
WITH_CODE = {key: {"brand", "code", "minutes"} for key in SMS_WITH_CODE} | {
    key: {"brand", "code"} for key in MAILS_WITH_CODE
}
MAY_HOLD = WITH_CODE | {
    "verify_email": {"brand", "code"},
    "recovery_code_used": {"brand", "remaining"},
    "reset_password": {"brand", "link"},
    "change_email": {"brand", "code"},
    "enroll": {"brand", "code"},
    "email_changed": {"brand", "link", "hours"},
}
LINK = re.compile(r"https?:|\bwww\.|\w@\w|[a-z]\.(com|org|net|app|io)\b", re.IGNORECASE)


def held(words: str) -> set[str]:
    return set(Template(words).get_identifiers())


def test_every_file_is_a_language_that_is_spoken_known_here_and_documented() -> None:
    files = sorted(file.stem for file in (ROOT / "app" / "texts").glob("*.toml"))
    section = (ROOT / "docs" / "delivery.md").read_text().partition("## Languages\n")[2].partition("\n## ")[0]
    assert (
        files
        == LANGUAGES
        == sorted(NEVER_SHARE)
        == sorted(PURPOSE)
        == re.findall(r"^\| `(\S+)` \|", section, re.MULTILINE)
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_and_nothing_else(language: str) -> None:
    texts = ours(language)
    assert set(texts) == MAILS | set(SMS)
    for key in MAILS:
        assert set(texts[key]) == {"subject", "body"}
    for key in SMS:
        assert {"body"} <= set(texts[key]) <= {"body", "short"}


@pytest.mark.parametrize(("language", "key"), EVERY_SMS + EVERY_MAIL)
def test_a_text_holds_its_brand_and_code_and_no_value_that_it_is_not_given(language: str, key: str) -> None:
    may = MAY_HOLD.get(key, {"brand"})
    for part, words in ours(language)[key].items():
        assert Template(words).is_valid()
        assert held(words) <= may
        assert part == "subject" or may - {"minutes"} <= held(words)
        assert words.count("$") == len(re.findall(r"\$[a-z]+", words)), "nothing but plain values"


@pytest.mark.parametrize(("language", "key"), EVERY_SMS)
def test_an_sms_has_no_subject_names_the_brand_once_and_is_one_plain_line(language: str, key: str) -> None:
    assert render(key, locale=language, **VALUES).subject == ""
    for words in ours(language)[key].values():
        said = Template(words).substitute(VALUES)
        assert said.count(LONGEST_BRAND) == 1
        assert said.isprintable()
        assert said == unicodedata.normalize("NFC", said)
        assert not set(said) & set("‘’‚‛“”„‟«»‹›–—―‐‑…\u00a0\u202f'`´") - {"'"}
        assert not LINK.search(said)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", [*SMS_WITH_CODE, *sorted(MAILS_WITH_CODE)])
def test_a_code_comes_first_and_once(language: str, key: str) -> None:
    for words in ours(language)[key].values():
        said = Template(words).substitute(VALUES)
        assert re.match(r"481516\b", said)
        assert said.count("481516") == 1


NEVER_SHARE = {  # a word for it in each language, and what each code is for
    "de": r"[Nn]iemandem weitergeben|Nie weitergeben",
    "en": r"Never share it",
    "es": r"No lo compartas",
    "fr": r"Ne le partagez (jamais|pas|avec personne)",
    "it": r"Non condividerlo",
    "ja": r"誰にも教えないでください|共有禁止",
    "nl": r"Deel hem (met niemand|nooit)",
    "pl": r"Nie podawaj (go )?nikomu",
    "pt": r"Nunca o revele",
    "tr": r"Kimseyle paylaşmayın",
}
PURPOSE = {
    "de": ("Anmelden", "Nummer", "Änderung"),
    "en": ("sign in", "number", "change"),
    "es": ("entrar", "teléfono", "cambio"),
    "fr": ("connecter|connexion", "numéro", "modification"),
    "it": ("accedere", "numero", "modifica"),
    "ja": ("ログイン", "番号", "変更"),
    "nl": ("in te loggen", "nummer", "wijziging"),
    "pl": ("logowania", "numeru", "zmiany"),
    "pt": ("entrar", "telefone", "alterar"),
    "tr": ("giriş", "numara", "değişiklik|işlem"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_of_a_code_message_says_what_it_is_for_and_not_to_share_it(language: str) -> None:
    for key, purpose in zip(SMS_WITH_CODE, PURPOSE[language], strict=True):
        for words in ours(language)[key].values():
            assert re.search(NEVER_SHARE[language], words)
            assert re.search(purpose, words.partition(".")[0]), "the first sentence says it"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mailed_code_says_what_it_is_for_and_nothing_of_a_phone(language: str) -> None:
    sign_in, number, change = PURPOSE[language]
    said = {key: ours(language)[f"{key}_mail"]["body"].partition("\n")[0] for key in SMS_WITH_CODE}
    assert re.search(sign_in, said["sign_in"])
    assert re.search(change, said["step_up"])
    assert said["confirm"] == ours(language)["verify_email"]["body"].partition("\n")[0], "it confirms an address"
    assert not any(re.search(number, first) for first in said.values())


@pytest.mark.parametrize(("language", "key"), EVERY_MAIL)
def test_a_mail_has_a_subject_of_one_line_and_no_link(language: str, key: str) -> None:
    text = render(key, locale=language, **VALUES)
    assert text.subject.isprintable()
    assert LONGEST_BRAND in text.subject
    assert LONGEST_BRAND in text.body
    assert not LINK.search(text.subject + text.body)
    assert "$" not in text.subject + text.body
    assert text.body == text.body.strip()
    assert "\n\n" in text.body


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_no_text_is_left_in_english_or_in_the_language_beside_it(language: str) -> None:
    for key, text in ours(language).items():
        for other in set(LANGUAGES) - {language}:
            assert text["body"] != ours(other)[key]["body"]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("de_CH", "de"),
        ("DE-Latn-DE", "de"),
        ("pt-BR", "pt"),
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


def test_a_value_is_put_in_and_never_interpreted() -> None:
    body = render("sign_in", locale="en", brand="$code {0} %s $$ ${minutes}", code="481516", minutes="5").body
    assert "your $code {0} %s $$ ${minutes} code" in body


def test_a_missing_value_or_an_unknown_key_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError, match="code"):
        render("sign_in", locale="en", brand="Gatehouse", minutes="5")
    with pytest.raises(KeyError, match="remaining"):
        render("recovery_code_used", locale="ja", brand="Gatehouse")
    with pytest.raises(KeyError):
        render("no_such_key", locale="de", **VALUES)


def test_a_text_does_not_show_its_words_when_it_is_printed() -> None:
    assert "481516" not in repr(Text(subject="481516", body="481516"))
