"""What every sender promises: it tells apart what was accepted, what surely was not sent, and what nobody can know."""

from typing import Protocol

from app.messages import Delivery, Message


class Sender(Protocol):
    async def send(self, message: Message) -> Delivery:
        """Send once and never raise for what a provider does.

        ACCEPTED: the provider took it. FAILED: it surely was not sent. UNKNOWN: it may have gone out, so nobody may
        send it again unasked.
        """
        ...

    async def close(self) -> None:
        """Let sends under way end, then let go of threads and connections."""
        ...
