"""Logs how the sending of an SMS ended: a word of ours for the reason, nothing of the message's content."""

import logging

from app.messages import Delivery, Message

LOG = logging.getLogger("gatehouse.senders")


def note(delivery: Delivery, reason: str, message: Message, *, sender: str, seconds: float) -> None:
    level = logging.INFO if delivery is Delivery.ACCEPTED else logging.WARNING
    if reason == "unauthorized":
        level = logging.ERROR
    told = {"reason": reason, "sender": sender, "purpose": message.purpose, "latency_ms": round(seconds * 1000)}
    LOG.log(level, "sms_%s", delivery, extra=told)
