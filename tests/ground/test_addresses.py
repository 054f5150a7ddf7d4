"""One mailbox is one address, however it is written; what is no plain address is refused and not quoted."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.addresses import Address, Email, read_address

SENTENCE = "Must be an e-mail address, such as ada@example.com. Before the @, letters are a to z only."
EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@pytest.mark.parametrize(
    ("text", "email", "folded"),
    [
        ("ada@example.com", "ada@example.com", "ada@example.com"),
        ("Ada.Lovelace@Example.COM", "Ada.Lovelace@example.com", "ada.lovelace@example.com"),
        ("ADA+tag@example.com", "ADA+tag@example.com", "ada+tag@example.com"),
        ("ada@münchen.de", "ada@xn--mnchen-3ya.de", "ada@xn--mnchen-3ya.de"),
        ("ada@mu\u0308nchen.de", "ada@xn--mnchen-3ya.de", "ada@xn--mnchen-3ya.de"),
        ("ada@XN--MNCHEN-3YA.de", "ada@xn--mnchen-3ya.de", "ada@xn--mnchen-3ya.de"),
        ("ada@\uff45xample.com", "ada@example.com", "ada@example.com"),
        ("ada@example\u3002com", "ada@example.com", "ada@example.com"),
        ("ada@\u212aelvin.com", "ada@kelvin.com", "ada@kelvin.com"),
        ("ada@\ufb01g.com", "ada@fig.com", "ada@fig.com"),
        ("o'hara_{x}@example.com", "o'hara_{x}@example.com", "o'hara_{x}@example.com"),
        ("ada@example.test", "ada@example.test", "ada@example.test"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_has_one_folded_form(text: str, email: str, folded: str) -> None:
    assert read_address(text) == Address(email, folded)
    assert EMAIL.validate_python(text) == email


def test_reading_what_was_read_changes_nothing() -> None:
    for text in ("Ada@Example.com", "ada@münchen.de", "ADA@XN--MNCHEN-3YA.DE", "a@faß.de"):
        once = read_address(text)
        assert read_address(once.email) == once
        assert read_address(once.folded).folded == once.folded


@pytest.mark.parametrize(
    "text", ["ada@ex\u0430mple.com", "ada@\u0435xample.com", "ada@examp\u04cfe.com", "ada@ex\u00e0mple.com"]
)
def test_a095_a_look_alike_domain_is_another_address_and_shows_it(text: str) -> None:
    found = read_address(text)
    assert found.folded != "ada@example.com"
    assert found.email.startswith("ada@xn--")
    assert found.email.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "\u212aate@example.com",
        "\u0131da@example.com",
        "\u017fam@example.com",
        "\ufb01@example.com",
        "\uff41da@example.com",
        "ad\u00e1@example.com",
        "ada\u0301@example.com",
        "\u0430da@example.com",
        "ad\u200ba@example.com",
        "ad\u00ada@example.com",
    ],
    ids=ascii,
)
def test_a094_a_local_part_is_ascii_so_nothing_folds_into_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an e-mail address$"):
        read_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "a@b@example.com",
        '"ada lovelace"@example.com',
        '"a@b"@example.com',
        '"\\""@example.com',
        "ada(comment)@example.com",
        "ada@example.com(comment)",
        "Ada <ada@example.com>",
        "<ada@example.com>",
        "mailto:ada@example.com",
        "ada@[127.0.0.1]",
        "ada@[IPv6:::1]",
        "ada@127.0.0.1",
        "ada@localhost",
        "ada@example.com.",
        "ada@.example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example-.com",
        "ada@exa_mple.com",
        "ada@exa mple.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        " ada@example.com",
        "ada@example.com ",
        "ada@example.com\n",
        "ada@example.com\r\nBcc: all@example.com",
        "ada\r\n@example.com",
        "ada\0@example.com",
        "ada@example.com\0",
        "ada@exa\u200bmple.com",
        "ada@exa\u00admple.com",
        "ada@xn--a.com",
        "ada@\ud800.com",
        "\ud800@example.com",
        "ada,bob@example.com",
        "ada@example.com,bob@example.com",
        "ada;bob@example.com",
        "ada%40x@example.com@",
        "ada＠example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + ".".join(["a" * 60] * 5),
        "ada@" + "ü" * 60 + ".de",
        "a" * 100_000,
        "ada@" + "a." * 50_000,
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_a097_anything_else_is_refused_in_the_same_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not an e-mail address$") as refusal:
        read_address(text)
    assert refusal.value.__cause__ is None
    with pytest.raises(ValidationError) as invalid:
        EMAIL.validate_python(text)
    (fault,) = invalid.value.errors(include_input=False)
    assert fault["msg"] in {SENTENCE, "String should have at most 254 characters"} or not text.isprintable()


@pytest.mark.parametrize("value", [1, None, True, ["ada@example.com"], {"email": "ada@example.com"}], ids=repr)
def test_a137_an_address_is_a_text(value: object) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(value)


def test_an_address_of_254_characters_is_the_longest() -> None:
    domain = ".".join(["a" * 63] * 3) + ".com"
    longest = "b" * (254 - len(domain) - 1) + "@" + domain
    assert len(longest) == 254
    assert EMAIL.validate_python(longest) == longest
    with pytest.raises(ValidationError):
        EMAIL.validate_python("b" + longest)
