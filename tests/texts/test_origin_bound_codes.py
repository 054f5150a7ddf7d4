"""The last line of an SMS binds its code to a website, in the form that browsers read and in no other."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings.groups import SmsSettings
from app.texts import LastLine, Texts
from tests.texts.yardsticks import APP_HASH, LANGUAGES, LONGEST_ORIGIN, SMS_WITH_CODE, VALUES, origin_bound
from tests.world import running, settings_for


def said(key: str, last_line: LastLine, *, locale: str = "en") -> str:
    return Texts(last_line=last_line).render(key, locale=locale, **VALUES).body


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("747723 is your ExampleCo authentication code.\n\n@example.com #747723", ("example.com", "747723")),
        ("@example.com #747723", ("example.com", "747723")),
        ("@example.com #747723 %ecommerce.example $future", ("example.com", "747723")),
        ("a\r\n@example.com #747723", ("example.com", "747723")),
        ("@example.com #747723.", ("example.com", "747723.")),
        ("something @example.com #747723", None),
        ("#747723 @example.com", None),
        ("@example.com code #747723", None),
        ("@example.com  #747723", None),
        ("@example.com#747723", None),
        ("@example.com #747723\n", None),
        ("@example.com #747723\nFA+9qCX9VSu", None),
        ("@ #747723", None),
        ("@example.com #", None),
        ("@example.com", None),
        ("", None),
    ],
)
def test_the_parser_of_these_tests_reads_as_the_specification_does(message: str, found: tuple[str, str] | None) -> None:
    assert origin_bound(message) == found


@pytest.mark.parametrize("app_hash", [None, APP_HASH])
@pytest.mark.parametrize("key", SMS_WITH_CODE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_message_parses_to_its_host_and_code(language: str, key: str, app_hash: str | None) -> None:
    for origin in ("example.com", LONGEST_ORIGIN):
        text = said(key, LastLine(origin, app_hash), locale=language)
        assert origin_bound(text) == (origin, "481516")
        assert text.endswith(f"\n\n@{origin} #481516" + (f" {app_hash}" if app_hash else ""))
        assert text.count("481516") == 2


def test_without_an_origin_there_is_no_such_line() -> None:
    assert origin_bound(said("sign_in", LastLine())) is None
    assert "\n" not in said("sign_in", LastLine())


def test_an_app_hash_alone_stands_alone_on_the_last_line() -> None:
    assert said("sign_in", LastLine(None, APP_HASH)).endswith(f".\n\n{APP_HASH}")


def test_what_carries_no_code_or_is_a_mail_has_no_last_line() -> None:
    texts = Texts(last_line=LastLine("example.com", APP_HASH))
    notice = texts.render("phone_changed_sms", locale="en", brand="Gatehouse")
    mail = texts.render("verify_email", locale="en", brand="Gatehouse", code="481516")
    assert "example.com" not in notice.body + mail.body
    assert APP_HASH not in notice.body + mail.body


@pytest.mark.parametrize("origin", ["example.com", "login.example.co.uk", "xn--bcher-kva.example", "a.xn--p1ai"])
def test_an_origin_is_a_bare_host(origin: str) -> None:
    assert SmsSettings(origin=origin).origin == origin
    assert SmsSettings(origin=LONGEST_ORIGIN).origin == LONGEST_ORIGIN


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "localhost",
        "Example.com",
        "https://example.com",
        "example.com:443",
        "example.com/",
        "example.com.",
        ".example.com",
        "exa mple.com",
        "example.com\n",
        "example.com #000000",
        "@example.com",
        "-example.com",
        "example-.com",
        "example..com",
        "127.0.0.1",
        "bücher.example",
        "w" + LONGEST_ORIGIN,
        f"{'w' * 64}.com",
    ],
)
def test_nothing_else_is(origin: str) -> None:
    with pytest.raises(ValidationError, match=r"must be a bare host such as example\.com"):
        SmsSettings(origin=origin)


def test_an_app_hash_is_eleven_letters_of_base64() -> None:
    assert SmsSettings(android_app_hash=APP_HASH).android_app_hash == APP_HASH
    for wrong in ("", APP_HASH[1:], f"{APP_HASH}A", f"{APP_HASH[1:]}=", f"{APP_HASH[1:]} ", f"{APP_HASH}\n"):
        with pytest.raises(ValidationError, match=re.escape("A-Za-z0-9+/")):
            SmsSettings(android_app_hash=wrong)


async def test_a_phone_gets_a_bound_code_that_signs_in(database_url: str, tmp_path: Path) -> None:
    sms = {"origin": "example.com", "android_app_hash": APP_HASH}
    async with running(settings_for(database_url, tmp_path, sms=sms)) as world:
        ada = await world.with_phone()
        await ada.login()
        newest = world.inbox(ada.phone)[0]
        assert newest.text.endswith(f"\n\n@example.com #{newest.code} {APP_HASH}")
        found = origin_bound(newest.text)
        assert found is not None
        assert (await ada.verify(found[1])).status_code == 200
