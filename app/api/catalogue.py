"""The public pages that the `type` of a problem links to: what was refused, why, and what to do; also in production."""

from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.api.openapi import Tag, operation_id
from app.api.problems import refusals
from app.api.strict import StrictRoute
from app.problems import NotFound, Problem, catalogue

router = APIRouter(
    route_class=StrictRoute,
    generate_unique_id_function=operation_id,
    tags=[Tag.MACHINES],
    default_response_class=HTMLResponse,
)

_HEADERS = {"Cache-Control": "public, max-age=3600", "Vary": "Accept"}
_ALSO_JSON: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
Code = Annotated[str, Path(description="A problem's `code`.", json_schema_extra={"enum": sorted(catalogue())})]


@router.get("/problems", responses=_ALSO_JSON | refusals(database=False))
async def list_problems(request: Request) -> Response:
    """List every refusal. `Accept: application/json` gives it as data."""
    entries = [_entry(kind) for _, kind in sorted(catalogue().items())]
    if _wants_json(request):
        return JSONResponse({"items": entries, "next_cursor": None}, headers=_HEADERS)
    items = "".join(f'<li><a href="problems/{e["code"]}">{e["code"]}</a> ({e["status"]})</li>' for e in entries)
    return _page("Problems", f"<ul>{items}</ul>")


@router.get("/problems/{code}", responses=_ALSO_JSON | refusals(NotFound, parameters=True, database=False))
async def show_problem(request: Request, code: Code) -> Response:
    """Explain one refusal. `Accept: application/json` gives it as data."""
    kind = catalogue().get(code)
    if kind is None:
        raise NotFound
    entry = _entry(kind)
    if _wants_json(request):
        return JSONResponse(entry, headers=_HEADERS)
    status = f"<p><code>{kind.code}</code>, status {kind.status}</p>"
    said = f"<p>{escape(kind.why)}</p><h2>What to do</h2><p>{escape(kind.what_to_do)}</p>"
    return _page(kind.title, f'{status}{said}<p><a href="../problems">All problems</a></p>')


def _entry(kind: type[Problem]) -> dict[str, Any]:
    return {
        "code": kind.code,
        "status": kind.status,
        "title": kind.title,
        "why": kind.why,
        "what_to_do": kind.what_to_do,
    }


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _page(title: str, content: str) -> HTMLResponse:
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
    return HTMLResponse(f"{head}<body><h1>{escape(title)}</h1>{content}</body></html>", headers=_HEADERS)
