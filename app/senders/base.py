"""The interface of every sender: tells apart what was accepted, what surely was not sent, and what nobody can know."""

from dataclasses import dataclass
from typing import Protocol

from app.messages import Delivery, Message


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome of a send: by which `sender`, and the provider's id of the message, if it gave one.

    `turned_away`: FAILED, and for a reason other than the message itself, so that another sender may take it.
    """

    delivery: Delivery
    sender: str = ""
    provider_id: str | None = None
    turned_away: bool = False


class Sender(Protocol):
    async def send(self, message: Message) -> Sent:
        """Send once and never raise for what a provider does.

        ACCEPTED: the provider took it. FAILED: it surely was not sent. UNKNOWN: it may have gone out, so nobody may
        send it again unasked.
        """
        ...

    async def close(self) -> None:
        """Let sends under way end, then let go of threads and connections."""
        ...


class BreachesUnavailable(Exception):  # noqa: N818  what is unavailable is the breaches
    """There was no answer that could be understood; *reason* holds nothing of a password."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BreachedPasswords(Protocol):
    """The passwords that were found in public breaches, by their upper-case SHA-1 in two parts."""

    async def include(self, prefix: str, suffix: str) -> bool:
        """Say whether the password was breached. Raises BreachesUnavailable."""
        ...

    async def close(self) -> None: ...
