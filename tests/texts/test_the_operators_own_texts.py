"""A folder of the operator's own texts stands before ours; one that cannot be sent stops the start and is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.factors import KINDS
from app.texts import LANGUAGES, LastLine, Texts, ours, over_ours
from app.wiring import build
from tests.texts.yardsticks import APP_HASH, VALUES, render
from tests.world import running, settings_for

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(name: str, content: str | bytes) -> Path:
        path = tmp_path / "texts" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path.parent

    return file


def read(folder: Path, **last_line: str) -> Texts:
    ending = LastLine(**last_line)
    return Texts(over_ours(folder, last_line=ending, brand="Gatehouse"), ending)


def refusal(folder: Path, **last_line: str) -> str:
    with pytest.raises(ValueError, match=r"^GATEHOUSE_TEXTS_DIR: ") as refused:
        read(folder, **last_line)
    return str(refused.value).removeprefix("GATEHOUSE_TEXTS_DIR: ")


def test_a_key_of_the_folder_stands_before_ours_and_every_other_stays(write: Write) -> None:
    texts = read(write("de.toml", '[sign_in]\nbody = "$code: Anmeldung bei $brand."'))
    assert texts.render("sign_in", locale="de-AT", **VALUES).body == f"481516: Anmeldung bei {VALUES['brand']}."
    assert texts.render("confirm", locale="de", **VALUES) == render("confirm", locale="de", **VALUES)
    assert texts.render("sign_in", locale="en", **VALUES) == render("sign_in", locale="en", **VALUES)
    assert render("sign_in", locale="de", **VALUES).body.startswith("481516 ist"), "ours is unchanged"


def test_a_new_language_or_region_is_a_new_file_and_the_rest_is_said_in_the_nearest(write: Write) -> None:
    write("xx.toml", '[sign_in]\nbody = "$code: din kod för $brand. Dela den aldrig."')
    folder = write("de-AT.toml", '[factor_added]\nsubject = "Servus"\nbody = "Ein Faktor mehr bei $brand."')
    texts = read(folder)
    assert "din kod" in texts.render("sign_in", locale="xx-FI", **VALUES).body
    assert texts.render("confirm", locale="xx", **VALUES) == render("confirm", locale="en", **VALUES)
    assert texts.render("factor_added", locale="de-AT", **VALUES).subject == "Servus"
    assert texts.render("factor_added", locale="de-CH", **VALUES) == render("factor_added", locale="de", **VALUES)
    assert texts.choose("xx-SE", None) == "xx"


def test_our_own_files_may_be_copied_and_an_empty_folder_changes_nothing(write: Write, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    assert read(tmp_path / "texts") == Texts()
    for file in (Path(__file__).parents[2] / "app" / "texts").glob("*.toml"):
        write(file.name, file.read_bytes())
    write("notes.txt", "not a text")
    assert read(tmp_path / "texts").own == {language: ours(language) for language in LANGUAGES}


def test_a_dollar_sign_is_written_twice(write: Write) -> None:
    folder = write("en.toml", '[factor_added]\nsubject = "Safe for 5 $$"\nbody = "$brand"')
    assert read(folder).render("factor_added", locale="en", brand="Acme").subject == "Safe for 5 $"


MAIL = '[factor_added]\nsubject = "{subject}"\nbody = "{body}"'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('[sing_in]\nbody = "$code $brand"', "en.toml, sing_in: there is no such text."),
        ('brand = "Acme"', "en.toml, brand: there is no such text."),
        ('sign_in = "$code $brand"', "en.toml, sign_in: it needs body, texts, and nothing else but short."),
        ("[sign_in]", "en.toml, sign_in: it needs body, texts, and nothing else but short."),
        ("[sign_in]\nbody = 5", "en.toml, sign_in: it needs body, texts, and nothing else but short."),
        (
            '[sign_in]\nsubject = "x"\nbody = "$code $brand"',
            "en.toml, sign_in: it needs body, texts, and nothing else but short.",
        ),
        ('[factor_added]\nbody = "$brand"', "en.toml, factor_added: it needs body and subject, texts, and nothing else."),
        (
            '[factor_added]\nsubject = "x"\nbody = "$brand"\nshort = "$brand"',
            "en.toml, factor_added: it needs body and subject, texts, and nothing else.",
        ),
        ('[sign_in]\nbody = "Your code for $brand"', "en.toml, sign_in: body lacks $code."),
        ('[sign_in]\nbody = "$code"', "en.toml, sign_in: body lacks $brand."),
        ('[sign_in]\nbody = "$code $brand"\nshort = "$brand"', "en.toml, sign_in: short lacks $code."),
        ('[recovery_code_used]\nsubject = "x"\nbody = "$brand"', "en.toml, recovery_code_used: body lacks $remaining."),
        (
            '[sign_in]\nbody = "$code $brand $email"',
            "en.toml, sign_in: body has $email, which this text is not given.",
        ),
        (
            MAIL.format(subject="$code", body="$brand"),
            "en.toml, factor_added: subject has $code, which this text is not given.",
        ),
        (
            '[sign_in]\nbody = "$code $brand costs $5"',
            "en.toml, sign_in: body has a $ that begins no value (write $$ for a dollar sign).",
        ),
        (MAIL.format(subject=" ", body="$brand"), "en.toml, factor_added: subject is empty."),
        (MAIL.format(subject="a\\r\\nBcc: eve@example.com", body="$brand"), "en.toml, factor_added: subject is not one line."),
        (f'[sign_in]\nbody = "$code $brand {"x" * 145}"', "en.toml, sign_in: it is longer than one SMS."),
        (f'[sign_in]\nbody = "$code $brand {"ç" * 54}"', "en.toml, sign_in: it is longer than one SMS."),
        (f'[sign_in]\nbody = "$code $brand $minutes {"x" * 141}"', "en.toml, sign_in: it is longer than one SMS."),
        (f'[phone_changed_sms]\nbody = "$brand {"x" * 151}"', "en.toml, phone_changed_sms: it is longer than one SMS."),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_sent_is_named_with_its_file(write: Write, content: str, sentence: str) -> None:
    assert refusal(write("en.toml", content)) == sentence


def test_one_letter_less_is_taken(write: Write) -> None:
    for body in (f"$code $brand {'x' * 143}", f"$code $brand {'ç' * 53}", f"$code $brand $minutes {'x' * 140}"):
        read(write("en.toml", f'[sign_in]\nbody = "{body}"'))
    read(write("en.toml", f'[phone_changed_sms]\nbody = "$brand {"x" * 150}"'))


def test_the_last_line_is_measured_too_and_a_short_form_helps(write: Write) -> None:
    long, short = f'[sign_in]\nbody = "$code $brand {"x" * 125}"', '\nshort = "$code $brand"'
    read(write("en.toml", long))
    assert refusal(write("en.toml", long), origin="example.com") == "en.toml, sign_in: it is longer than one SMS."
    read(write("en.toml", long + short), origin="example.com")
    read(write("en.toml", f'[sign_in]\nbody = "$code $brand {"x" * 87}"'), origin="example.com", app_hash=APP_HASH)
    too_long = write("en.toml", f'[sign_in]\nbody = "$code $brand {"x" * 90}"')
    assert "longer than one SMS" in refusal(too_long, origin="example.com", app_hash=APP_HASH)


def test_beyond_gsm_7_a_last_line_may_cost_a_second_message_but_no_third(write: Write) -> None:
    read(write("ja.toml", f'[sign_in]\nbody = "$code $brand {"あ" * 90}"'), origin="example.com")
    assert "longer" in refusal(write("ja.toml", f'[sign_in]\nbody = "$code $brand {"あ" * 100}"'), origin="example.com")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("en.toml", "[sign_in", "en.toml cannot be read: "),
        ("en.toml", b"[sign_in]\nbody = '\xff'", "en.toml cannot be read: "),
        ("en.toml", '[sign_in]\nbody = "$code $brand"\n[sign_in]', "en.toml cannot be read: "),
        ("english.toml", "", "english.toml is not named for a language"),
        ("de_AT.toml", "", "de_AT.toml is not named for a language"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(write: Write, name: str, content: str | bytes, sentence: str) -> None:
    assert refusal(write(name, content)).startswith(sentence)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == f"{tmp_path / 'nowhere'} is not a folder."


def test_every_fault_of_every_file_is_told_at_once(write: Write) -> None:
    write("de.toml", '[sign_in]\nbody = "$brand"')
    sentences = refusal(write("en.toml", '[confirm]\nbody = "hello"')).split(" GATEHOUSE_TEXTS_DIR: ")
    assert sentences == [
        "de.toml, sign_in: body lacks $code.",
        "en.toml, confirm: body lacks $brand.",
        "en.toml, confirm: body lacks $code.",
    ]


def test_a_wrong_folder_stops_the_start(write: Write, tmp_path: Path) -> None:
    folder = write("en.toml", '[sign_in]\nbody = "no code"')
    settings = settings_for("postgresql+asyncpg://nobody@127.0.0.1:1/none", tmp_path, texts_dir=str(folder))
    with pytest.raises(ValueError, match=r"en\.toml, sign_in: body lacks \$code\."):
        build(settings, SystemClock(), KINDS)


async def test_a_phone_is_told_in_the_operators_words(write: Write, database_url: str, tmp_path: Path) -> None:
    folder = write("en.toml", '[confirm]\nbody = "$code, says $brand"')
    settings = settings_for(database_url, tmp_path, texts_dir=str(folder), brand="Acme & Co.")
    async with running(settings) as world:
        ada = await world.with_phone()
        (message,) = world.inbox(ada.phone)
        assert message.text == f"{message.code}, says Acme & Co."
