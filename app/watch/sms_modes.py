"""The modes of the SMS limits: whether an SMS beyond a limit is refused, or only recorded."""

from typing import get_args

from app.settings import Settings
from app.settings.limits import Mode
from app.settings.sms_limits import SmsLimit

_OF_NETWORKS: tuple[SmsLimit, ...] = ("network", "numbers", "confirmed_network")


def modes_of(settings: Settings) -> dict[SmsLimit, Mode]:
    """The mode of each limit."""
    rules, mode = settings.sms_limits, settings.sms_limits_mode
    modes: dict[SmsLimit, Mode] = dict.fromkeys(get_args(SmsLimit), mode)
    if mode == "enforce":
        modes |= dict.fromkeys(_OF_NETWORKS, settings.network_limits)
    return modes | dict.fromkeys(rules.record_only, "record_only")
