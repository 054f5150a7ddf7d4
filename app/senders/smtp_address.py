"""Where mail is handed over: reads `smtp://user:password@host:port?starttls=required` or `smtps://…`."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from app.settings.near import is_loopback

PORTS = {"smtp": 587, "smtps": 465}
FORM = (
    "set it to one such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587?starttls=required."
)


@dataclass(frozen=True, slots=True)
class Server:
    """`start_tls`: True demands it, None takes it when offered, False where the connection is TLS from the start."""

    host: str
    port: int
    tls: bool
    start_tls: bool | None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def read_url(url: SecretStr | None) -> Server:
    if url is None:
        raise ValueError(f"GATEHOUSE_EMAIL__SMTP_URL is not set: {FORM}")
    try:
        return _read(urlsplit(url.get_secret_value()))
    except ValueError:
        raise ValueError(f"GATEHOUSE_EMAIL__SMTP_URL is not an SMTP address: {FORM}") from None


def _read(parts: SplitResult) -> Server:
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError(parts.scheme)
    user = unquote(parts.username) if parts.username else None
    return Server(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        start_tls=_start_tls(parts, signed_in=user is not None),
        user=user,
        password=unquote(parts.password or "") if user else None,
    )


def _start_tls(parts: SplitResult, *, signed_in: bool) -> Literal[True, False] | None:
    """A password crosses no open line, whatever the server (or who stands before it) offers."""
    if parts.query not in {"", "starttls=required"} or parts.fragment:
        raise ValueError("only starttls=required is known")
    if parts.scheme == "smtps":
        return False
    exposed = signed_in and not is_loopback(parts.hostname or "")
    return True if parts.query or exposed else None
