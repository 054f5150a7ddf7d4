"""Reads the mail server's URL: `smtps://user:password@host:port`, or `smtp://…`, TLS too unless it says otherwise."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretStr

from app.settings.near import is_loopback

PORTS = {"smtp": 587, "smtps": 465}
FORM = "set it to one such as smtps://user:password@mail.example.com:465 or smtp://mail.example.com:587."


@dataclass(frozen=True, slots=True)
class Server:
    """`start_tls`: True requires STARTTLS, None uses it when offered, False where TLS is there from the start."""

    host: str
    port: int
    tls: bool
    start_tls: bool | None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def may_be_read(self) -> bool:
        """Whether mail crosses a network in clear text if its server, or somebody in between, offers no TLS."""
        return self.start_tls is None and not is_loopback(self.host)


def read_url(url: SecretStr | None) -> Server:
    if url is None:
        raise ValueError(f"GATEHOUSE_EMAIL__SMTP_URL is not set: {FORM}")
    try:
        server = _read(urlsplit(url.get_secret_value()))
    except ValueError:
        raise ValueError(f"GATEHOUSE_EMAIL__SMTP_URL is not an SMTP address: {FORM}") from None
    if server.user and server.may_be_read:
        raise ValueError("GATEHOUSE_EMAIL__SMTP_URL: a password crosses no open line; leave out starttls=optional.")
    return server


def _read(parts: SplitResult) -> Server:
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError(parts.scheme)
    user = unquote(parts.username) if parts.username else None
    return Server(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        start_tls=_start_tls(parts),
        user=user,
        password=unquote(parts.password or "") if user else None,
    )


def _start_tls(parts: SplitResult) -> Literal[True, False] | None:
    """Require STARTTLS, as mails hold reset links, unless the operator says otherwise or the server is this machine."""
    if parts.query not in {"", "starttls=required", "starttls=optional"} or parts.fragment:
        raise ValueError("only starttls=required and starttls=optional are known")
    if parts.scheme == "smtps":
        return False
    if parts.query:
        return True if parts.query == "starttls=required" else None
    return None if is_loopback(parts.hostname or "") else True
