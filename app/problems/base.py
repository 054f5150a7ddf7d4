"""What a refusal is: status, code, title and why, as class attributes; details, without a submitted value, as arguments."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One rejected place in a request: a JSON pointer (RFC 6901, `#/email`) and what is wrong there."""

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818  a Problem is what RFC 9457 calls it
    """A refusal. Raise a subclass; its class attributes are what the catalogue page shows."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    why: ClassVar[str]
    what_to_do: ClassVar[str]
    """Of a client."""
    otherwise: ClassVar[str | None] = None
    """What `detail` says where whoever refuses says nothing."""
    challenge: ClassVar[str | None] = None
    """Parameters after `Bearer realm="gatehouse"` in WWW-Authenticate (RFC 6750 §3); only 401s have the header."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: timedelta | None = None,
        attempts_left: int | None = None,
        errors: tuple[Fault, ...] = (),
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.otherwise
        self.retry_after = retry_after
        self.attempts_left = attempts_left
        self.errors = errors
