"""E-mail addresses: one canonical form, decided once, so that every spelling of an address is one user and one limit."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError


@dataclass(frozen=True, slots=True)
class Address:
    """`email` is how the user writes it, `folded` how it is looked up."""

    email: str
    folded: str


@lru_cache(maxsize=256)
def read_address(text: str) -> Address:
    """Read an ASCII local part and a domain, which may be international: kept and compared as punycode.

    A request reads its address twice, as a body and as a key: the last few are remembered.
    Raises ValueError for quoted local parts, comments, IP literals, display names and over-long addresses.
    """
    try:
        found = validate_email(
            text, check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None
    email = found.ascii_email
    if email is None:
        raise ValueError("not an e-mail address")
    return Address(email, email.lower())


def mask(email: str) -> str:
    """Show where a mail went to whoever has that mailbox: `a•••@example.com`."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def mailbox(folded: str) -> str:
    """Return an address without its tag: by the commonest rule (RFC 5233), its owner chooses what follows `+`."""
    local, _, domain = folded.rpartition("@")
    return f"{local[:1]}{local[1:].partition('+')[0]}@{domain}"


def _check(text: str) -> str:
    try:
        return read_address(text).email
    except ValueError:
        raise PydanticCustomError(
            "email", "Must be an e-mail address, such as ada@example.com. Before the @, letters are a to z only."
        ) from None


Email = Annotated[str, Field(max_length=254, examples=["ada@example.com"]), AfterValidator(_check)]
