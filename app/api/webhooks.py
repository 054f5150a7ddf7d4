"""Routes that providers call: forms instead of JSON, signatures instead of tokens; no page of any origin reads them."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.api.house import TheHouse
from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import CLIENT_GONE, read_limited, require
from app.api.visitor import TheVisitor
from app.crypto.callbacks import Form, Signature
from app.factors.base import Shape
from app.flows.receipts import Report, Status
from app.problems import (
    InsufficientScope,
    MalformedRequest,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    UnsupportedMediaType,
    ValidationFailed,
)

router = APIRouter(generate_unique_id_function=operation_id, tags=[Tag.MACHINES])

MEDIA_TYPE = "application/x-www-form-urlencoded"
_VERSIONS: tuple[Literal["V3", "V2"], ...] = ("V3", "V2")
_MOST_FIELDS, _MOST_VALUES, _LONGEST_NONCE = 40, 8, 128
Short = Annotated[str, Field(max_length=128, pattern=r"^[ -~]*$", examples=[""])]


def _pascal(name: str) -> str:
    return "".join(part.upper() if part in _SHOUTED else part.capitalize() for part in name.split("_"))


_SHOUTED = {"uuid", "mcc", "mnc", "id"}


class PlivoReceipt(Shape):
    """Every field that Plivo documents. A name that is not here, or stands here twice, is refused."""

    model_config = ConfigDict(**Shape.model_config, alias_generator=_pascal)

    message_uuid: UUID
    status: Status
    error_code: Annotated[str | None, Field(pattern=r"^[0-9]{0,4}$", examples=["000"])] = None
    parent_message_uuid: UUID | None = None
    type: Short = ""
    to: Short = ""
    from_: Annotated[Short, Field(alias="From")] = ""
    units: Short = ""
    total_rate: Short = ""
    total_amount: Short = ""
    mcc: Short = ""
    mnc: Short = ""
    part_info: Short = ""
    sequence: Short = ""
    message_time: Short = ""
    queued_time: Short = ""
    sent_time: Short = ""
    delivery_report_time: Short = ""
    requester_ip: Annotated[Short, Field(alias="requester_ip")] = ""
    powerpack_uuid: Short = ""
    conversation_id: Short = ""
    conversation_origin: Short = ""
    conversation_expiration_timestamp: Short = ""

    def report(self) -> Report:
        names = frozenset(name for name in (self.message_uuid, self.parent_message_uuid) if name)
        return Report.of(names, self.status, self.error_code)


def _described() -> dict[str, Any]:
    """Describe the form, with its schemas inline: FastAPI collects none from what is added by hand."""
    schema = PlivoReceipt.model_json_schema()
    schema["properties"]["Status"] = schema.pop("$defs")["Status"]
    return {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}}


_TAKEN: dict[int | str, dict[str, Any]] = {204: {"description": "Taken, or known already."}}
Receipt = Annotated[str, Path(description="The token of the address that the message was sent with.")]


@router.post(
    "/webhooks/plivo/{receipt}",
    status_code=204,
    responses=_TAKEN
    | refusals(InsufficientScope, NotFound, RateLimited, PayloadTooLarge, UnsupportedMediaType, ValidationFailed),
    openapi_extra=_described(),
)
async def take_receipt(receipt: Receipt, request: Request, house: TheHouse, visitor: TheVisitor) -> Response:
    """Take a delivery receipt of Plivo's.

    `X-Plivo-Signature-V3` (or V2) must be right for the address that the message was sent with, and its nonce new: else 403.
    A receipt moves the message's `delivery` on, and changes nothing else; one that comes late changes nothing at all.
    """
    with house.receipts.floods.bounded(visitor.network):
        signatures = _signatures(request)
        try:
            form = await _read(request)
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        proof = house.receipts.prove(receipt, signatures, form)
    await house.receipts.take(proof, _shaped(form).report())
    return Response(status_code=204)


async def _read(request: Request) -> Form:
    require(MEDIA_TYPE, request)
    body = await read_limited(request, limit=request.app.state.body_limit)
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        raise MalformedRequest("The body is not a form.") from None


def _signatures(request: Request) -> tuple[Signature, ...]:
    """Return the signatures with exactly one nonce. Raises InsufficientScope if none, before the body is read."""
    found = tuple(signature for version in _VERSIONS for signature in _of_family(request, version))
    if not found:
        raise InsufficientScope("Neither `X-Plivo-Signature-V3` nor `X-Plivo-Signature-V2` is there, with a nonce.")
    return found


def _of_family(request: Request, version: Literal["V3", "V2"]) -> list[Signature]:
    nonces = request.headers.getlist(f"x-plivo-signature-{version}-nonce")
    own, main = (request.headers.getlist(f"x-plivo-signature-{part}{version}") for part in ("", "ma-"))
    values = [value.strip() for value in ",".join([*own, *main]).split(",") if value.strip()]
    if len(nonces) != 1 or not 0 < len(nonces[0]) <= _LONGEST_NONCE or not 0 < len(values) <= _MOST_VALUES:
        return []
    return [Signature(version, nonces[0], tuple(values))]


def _shaped(form: Form) -> PlivoReceipt:
    """Validate the form. V3 signs no separators: only where each name is known and unique is it unambiguous."""
    if len({name for name, _ in form}) != len(form):
        raise ValidationFailed("A field stands twice.")
    try:
        return PlivoReceipt.model_validate(dict(form))
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults, body=dict(form)) from None
