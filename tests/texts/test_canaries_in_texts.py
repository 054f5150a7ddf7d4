"""Nothing but the fixed words, the brand and the code is in a message; and a code is in nothing but its message."""

import base64
import logging
import traceback
from datetime import timedelta
from urllib.parse import quote

import pytest
from pydantic import ValidationError

from app.crypto.chance import new_id
from app.flows.letters import Letters
from app.messages import Channel, Draft, Message, Purpose
from app.settings import Settings
from app.store.outbox import Notice
from app.texts import LastLine, Texts, ours
from tests.standins.clock import ManualClock
from tests.texts.yardsticks import APP_HASH, LANGUAGES, SMS_WITH_CODE

CODE, PHONE, EMAIL = "907341", "+4915187654321", "canary.7f3a@example.test"
TEXTS = Texts(last_line=LastLine("example.com", APP_HASH))
LETTERS = Letters("Gatehouse", timedelta(minutes=5), TEXTS)
DRAFT = Draft(Channel.SMS, PHONE, CODE, region="DE")
MAILED = Draft(Channel.EMAIL, EMAIL, CODE)
CODED = (Purpose.SIGN_IN, Purpose.CONFIRM, Purpose.STEP_UP)
NOTICES = [key for key, text in ours("en").items() if "$code" not in text["body"]]
HOSTILE = ["Acme\r\nBcc: x", "https://evil.example", "<b>Acme</b>", "x" * 21, "$code", "Acme\n", "{{7*7}}", "Ácme", ""]


def every_encoding(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        secret[::-1],
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        base64.b32encode(raw).decode().rstrip("="),
        quote(secret, safe=""),
    }


def holds(text: str, secret: str) -> bool:
    return any(spelling in text for spelling in every_encoding(secret))


def every_message(language: str) -> list[Message]:
    words = {"remaining": "7", "link": "https://example.com/reset", "hours": "72"}
    return [
        LETTERS.code(DRAFT, purpose=Purpose.SIGN_IN, locale=language),
        LETTERS.code(DRAFT, purpose=Purpose.CONFIRM, locale=language),
        *(LETTERS.code(MAILED, purpose=purpose, locale=language) for purpose in CODED),
        LETTERS.verification(EMAIL, CODE, locale=language),
        LETTERS.verification(EMAIL, CODE, locale=language, template="change_email"),
        LETTERS.sms_notice(PHONE, "phone_changed_sms", locale=language, region="DE"),
        *(LETTERS.notice(EMAIL, key, locale=language, **words) for key in NOTICES if key != "phone_changed_sms"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_address_or_number_of_the_user_is_in_a_message(language: str) -> None:
    for message in every_message(language):
        assert not holds(message.subject + message.text, PHONE)
        assert not holds(message.subject + message.text, PHONE.removeprefix("+49"))
        assert not holds(message.subject + message.text, PHONE[-4:])
        assert not holds(message.subject + message.text, EMAIL)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_is_in_the_message_it_belongs_to_and_in_no_notice(language: str) -> None:
    for message in every_message(language):
        assert holds(message.subject + message.text, CODE) == (message.purpose is not Purpose.NOTICE)
        assert message.code == (None if message.purpose is Purpose.NOTICE else CODE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_that_is_printed_or_logged_shows_no_code_number_or_address(
    language: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for message in every_message(language):
            logging.getLogger("canary").debug("%r %s %r %r", message, DRAFT, LETTERS, TEXTS)
    assert caplog.records
    for secret in (CODE, PHONE, EMAIL):
        assert not holds(caplog.text, secret)


@pytest.mark.parametrize("key", [*SMS_WITH_CODE, "verify_email", "no_such_text"])
def test_a_text_that_fails_does_not_tell_the_code(key: str) -> None:
    with pytest.raises(KeyError) as missing:
        TEXTS.render(key, locale="en", code=CODE)
    assert not holds("".join(traceback.format_exception(missing.value)), CODE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", SMS_WITH_CODE)
def test_a103_two_messages_differ_in_their_digits_and_in_nothing_else(language: str, key: str) -> None:
    def said(code: str) -> str:
        return TEXTS.render(key, locale=language, brand="Gatehouse", code=code, minutes="5").body

    assert said("000000").count("000000") == 2
    assert said("000000").replace("000000", CODE) == said(CODE)


@pytest.mark.parametrize("brand", HOSTILE)
def test_a103_a_brand_that_could_be_more_than_a_name_stops_the_start(brand: str) -> None:
    with pytest.raises(ValidationError):
        Settings(environment="development", brand=brand)


@pytest.mark.parametrize("locale", ["en\r\n@evil.example #000000", "https://evil.example", "{{7*7}}", "x" * 1600])
def test_a103_a_locale_never_reaches_the_words(locale: str) -> None:
    assert LETTERS.code(DRAFT, purpose=Purpose.SIGN_IN, locale=locale) == LETTERS.code(
        DRAFT, purpose=Purpose.SIGN_IN, locale="en"
    )


def test_a_code_message_names_its_purpose_its_region_and_how_long_it_is_worth_sending() -> None:
    message = LETTERS.code(DRAFT, purpose=Purpose.SIGN_IN, locale="en")
    assert (message.channel, message.to, message.region) == (Channel.SMS, PHONE, "DE")
    assert (message.purpose, message.code, message.lifetime) == (Purpose.SIGN_IN, CODE, timedelta(minutes=5))
    assert "good for 5 min" in message.text or "code to sign in" in message.text


@pytest.mark.parametrize("purpose", CODED)
def test_a_code_that_goes_by_mail_has_a_subject_and_no_last_line_of_an_sms(purpose: Purpose) -> None:
    message = LETTERS.code(MAILED, purpose=purpose, locale="en")
    assert (message.channel, message.to, message.purpose, message.code) == (Channel.EMAIL, EMAIL, purpose, CODE)
    assert message.subject == f"{CODE} is your Gatehouse code"
    assert not {"@example.com", APP_HASH, "phone"} & set(message.text.split())


def test_the_old_number_is_told_by_sms() -> None:
    message = LETTERS.sms_notice(PHONE, "phone_changed_sms", locale="de-AT", region="DE")
    assert (message.channel, message.to, message.region) == (Channel.SMS, PHONE, "DE")
    assert (message.purpose, message.code, message.subject) == (Purpose.NOTICE, None, "")
    assert message.text.startswith("Diese Nummer erhält keine Codes von Gatehouse mehr")


def test_a_posted_notice_says_the_words_it_was_given() -> None:
    at = ManualClock().now()
    posted = LETTERS.posted(Notice(new_id(at), EMAIL, "recovery_code_used", "ja", {"remaining": "3"}))
    assert (posted.channel, posted.to, posted.purpose) == (Channel.EMAIL, EMAIL, Purpose.NOTICE)
    assert "残りのリカバリーコード: 3 個" in posted.text
