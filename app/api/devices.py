"""Routes: the user's own sessions and devices."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.api.guard import FullAccess
from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.flows.answers import DeviceList, SessionList
from app.problems import InvalidToken, NotFound, StepUpRequired

router = APIRouter(route_class=StrictRoute, generate_unique_id_function=operation_id, tags=[Tag.SESSIONS])


@router.get("/me/sessions", responses=refusals(InvalidToken))
async def list_sessions(who: FullAccess, house: TheHouse) -> SessionList:
    """List the open sessions, the one used last first: on what device, from where, and which is the caller's own."""
    return await house.sessions(who)


@router.delete(
    "/me/sessions/{session_id}",
    status_code=204,
    response_class=Response,
    responses=refusals(InvalidToken, NotFound, parameters=True),
)
async def end_session(session_id: UUID, who: FullAccess, house: TheHouse) -> None:
    """End one session, be it this one. Its access tokens are dead within a second, on every replica."""
    await house.sessions.end(who, session_id)


@router.delete(
    "/me/sessions", status_code=204, response_class=Response, responses=refusals(InvalidToken, StepUpRequired)
)
async def end_other_sessions(who: FullAccess, house: TheHouse) -> None:
    """End every session but this one, with a proof of the last five minutes. No other device is trusted any more."""
    await house.sessions.end_others(who)


@router.get("/me/devices", responses=refusals(InvalidToken))
async def list_devices(who: FullAccess, house: TheHouse) -> DeviceList:
    """List the known and trusted devices, the one used last first. They die when the password or a factor changes."""
    return await house.devices(who)


@router.delete(
    "/me/devices/{device_id}",
    status_code=204,
    response_class=Response,
    responses=refusals(InvalidToken, NotFound, parameters=True),
)
async def forget_device(device_id: UUID, who: FullAccess, house: TheHouse) -> None:
    """Forget a device: its token is void, and every session on it ends but the caller's own."""
    await house.devices.forget(who, device_id)
