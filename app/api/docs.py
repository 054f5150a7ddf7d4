"""Swagger UI and ReDoc, shown without a single asset from elsewhere; only mounted where the settings want them."""

import re
from base64 import b64encode
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import FileResponse, HTMLResponse

from app.api.strict import StrictRoute
from app.problems import NotFound
from app.settings import Settings

_PACKAGE = "fastapi-standalone-docs"
_STATIC = files("fastapi_standalone_docs") / "static"
_ASSETS = {
    "swagger-ui.css": "swagger/swagger-ui.css",
    "swagger-ui-bundle.js": "swagger/swagger-ui-bundle.js",
    "redoc.standalone.js": "redoc/redoc.standalone.js",
    "logo-mini.svg": "redoc/logo-mini.svg",
    "favicon.png": "fastapi/favicon.png",
}
_SWAGGER = {
    "validatorUrl": None,  # else a badge is fetched from validator.swagger.io
    "displayRequestDuration": True,
    "persistAuthorization": False,
}
_POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

router = APIRouter(route_class=StrictRoute, include_in_schema=False)


def wanted(settings: Settings) -> bool:
    return settings.in_development if settings.http.docs is None else settings.http.docs


@router.get("/openapi.json")
async def openapi_document(request: Request) -> dict[str, Any]:
    document: dict[str, Any] = request.app.openapi()
    return document


@router.get("/docs")
async def swagger_page(request: Request) -> HTMLResponse:
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=request.app.title,
        swagger_js_url=_url("swagger-ui-bundle.js"),
        swagger_css_url=_url("swagger-ui.css"),
        swagger_favicon_url=_url("favicon.png"),
        swagger_ui_parameters=_SWAGGER,
    )
    return _guarded(page)


@router.get("/redoc")
async def redoc_page(request: Request) -> HTMLResponse:
    page = get_redoc_html(
        openapi_url="openapi.json",
        title=request.app.title,
        redoc_js_url=_url("redoc.standalone.js"),
        redoc_favicon_url=_url("favicon.png"),
        with_google_fonts=False,
    )
    return _guarded(page)


@router.get("/docs/{asset}")
@router.get("/redoc/{asset}")
async def docs_asset(asset: str) -> FileResponse:
    if asset not in _ASSETS:
        raise NotFound
    path = str(_STATIC.joinpath(_ASSETS[asset]))
    return FileResponse(path, headers={"Cache-Control": "public, max-age=31536000, immutable"})


def _url(asset: str) -> str:
    """Return a relative URL, to work behind a proxy's prefix, with the version, as assets are cached for a year."""
    return f"docs/{asset}?v={version(_PACKAGE)}"


def _guarded(page: HTMLResponse) -> HTMLResponse:
    """Add a CSP: the page's own inline scripts may run, by their digests, and no others inline (CSP level 2)."""
    inline = re.findall(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    digests = (b64encode(sha256(script).digest()).decode() for script in inline)
    page.headers["Content-Security-Policy"] = _POLICY.format(scripts=" ".join(f"'sha256-{one}'" for one in digests))
    return page
