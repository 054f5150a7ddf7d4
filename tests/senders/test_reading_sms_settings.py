"""Who an SMS comes from; and settings that can't work stop the start and are named."""

from typing import Any

import pytest
from pydantic import SecretStr

from app.messages import Delivery
from app.senders.plivo import PlivoSender
from tests.senders.conftest import MakeSender, sms, sms_settings
from tests.standins.clock import ManualClock
from tests.standins.plivo import AUTH_ID, AUTH_TOKEN, PlivoStandIn


async def test_the_sender_of_a_message_depends_on_its_region(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    sender = sms_sender(plivo_src={"US": "powerpack:b5a7-1", "DE": "BRAND", "*": "+15005550006"})
    for region in ("US", "DE", "FR", ""):
        assert (await sender.send(sms(region=region))).delivery is Delivery.ACCEPTED
    asked = [(request.body.get("src"), request.body.get("powerpack_uuid")) for request in plivo.requests]
    assert asked == [(None, "b5a7-1"), ("BRAND", None), ("+15005550006", None), ("+15005550006", None)]


async def test_a_region_without_a_sender_gets_no_message(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    assert (await sms_sender(plivo_src={"DE": "BRAND"}).send(sms(region="FR"))).delivery is Delivery.FAILED
    assert plivo.requests == []


async def test_a_message_to_its_own_sender_is_refused(plivo: PlivoStandIn, sms_sender: MakeSender) -> None:
    assert (await sms_sender(plivo_src="+4915112345678").send(sms())).delivery is Delivery.FAILED
    assert plivo.requests == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"plivo_auth_id": None}, "PLIVO_AUTH_ID"),
        ({"plivo_auth_token": SecretStr("")}, "PLIVO_AUTH_TOKEN"),
        ({"plivo_auth_token": None}, "PLIVO_AUTH_TOKEN"),
        ({"plivo_src": None}, "PLIVO_SRC"),
        ({"plivo_src": {}}, "PLIVO_SRC"),
        ({"plivo_src": {"DE": " "}}, "PLIVO_SRC"),
    ],
)
def test_a_setting_that_cannot_work_stops_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], name: str
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", AUTH_ID)  # the SDK would silently take these
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", AUTH_TOKEN)
    with pytest.raises(ValueError, match=f"GATEHOUSE_SMS__{name}"):
        PlivoSender(sms_settings(**settings), clock=ManualClock())
