"""What becomes of an SMS that is beyond a limit: it is refused, or only told of."""

from typing import get_args

from app.settings import Settings
from app.settings.limits import Mode
from app.settings.sms_limits import SmsLimit

_OF_NETWORKS: tuple[SmsLimit, ...] = ("network", "numbers", "confirmed_network")


def modes_of(settings: Settings) -> dict[SmsLimit, Mode]:
    """What becomes of what is beyond each limit."""
    rules, mode = settings.sms_limits, settings.sms_limits_mode
    modes: dict[SmsLimit, Mode] = dict.fromkeys(get_args(SmsLimit), mode)
    if mode == "enforce":
        modes |= dict.fromkeys(_OF_NETWORKS, settings.network_limits)
    return modes | dict.fromkeys(rules.record_only, "record_only")
