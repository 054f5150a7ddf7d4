"""The documentation pages, the API description and the pages about problems."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from httpx import AsyncClient

from app.problems import catalogue

Serve = Callable[..., AsyncClient]


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in {"src", "href", "spec-url"} and value]


async def links_of(client: AsyncClient, path: str) -> list[str]:
    links = Links()
    links.feed((await client.get(path)).text)
    return [urljoin(path, link) for link in links.found]


@pytest.mark.parametrize(("path", "assets"), [("/docs", 3), ("/redoc", 3)])
async def test_the_pages_load_nothing_from_elsewhere(client: AsyncClient, path: str, assets: int) -> None:
    links = await links_of(client, path)

    assert len(links) == assets
    for link in links:
        assert not urlsplit(link).netloc
        assert (await client.get(link)).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_the_pages_may_run_and_reach_only_what_is_ours(client: AsyncClient, path: str) -> None:
    page = await client.get(path)
    policy = page.headers["content-security-policy"]
    scripts = re.findall(r"script-src ([^;]*);", policy)[0].split()

    assert policy.startswith("default-src 'none';")
    assert scripts[0] == "'self'"
    assert len(scripts) - 1 == page.text.count("<script>")
    assert all(script.startswith("'sha256-") for script in scripts[1:])
    assert "http" not in policy


async def test_swagger_asks_no_validator_on_the_internet(client: AsyncClient) -> None:
    assert '"validatorUrl": null' in (await client.get("/docs")).text


async def test_redoc_finds_its_logo_where_it_looks_for_it(client: AsyncClient) -> None:
    assert (await client.get("/redoc/logo-mini.svg")).headers["content-type"].startswith("image/svg+xml")


async def test_assets_are_kept_for_good_under_their_version(client: AsyncClient) -> None:
    links = await links_of(client, "/docs")
    script = next(link for link in links if ".js" in link)

    assert urlsplit(script).query.startswith("v=")
    assert (await client.get(script)).headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("asset", ["LICENSE", "..%2f..%2f__init__.py", "%2e%2e", "swagger-ui.css/", "nul%00"])
async def test_no_other_file_is_served(client: AsyncClient, asset: str) -> None:
    assert (await client.get(f"/docs/{asset}")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/favicon.png", "/redoc", "/openapi.json", "/metrics", "/.git/config", "/.env"]
)
async def test_a145_production_shows_none_of_it(serve: Serve, path: str) -> None:
    client = serve(environment="production")

    assert (await client.get(path)).status_code == 404


async def test_a145_unless_the_settings_say_so(serve: Serve) -> None:
    shown = serve(environment="production", docs=True)
    hidden = serve(environment="development", docs=False)

    assert (await shown.get("/docs")).status_code == 200
    assert (await hidden.get("/docs")).status_code == 404


@pytest.fixture
async def document(client: AsyncClient) -> Any:
    return (await client.get("/openapi.json")).json()


async def test_the_framework_s_validation_error_is_not_described(document: Any) -> None:
    assert "HTTPValidationError" not in str(document)
    assert "ValidationError" not in document["components"]["schemas"]
    silent = document["paths"]["/items/{item_id}"]["get"]["responses"]["422"]
    assert list(silent["content"]) == ["application/problem+json"]


async def test_refusals_are_described_as_problems_with_examples(document: Any) -> None:
    refusal = document["paths"]["/people"]["post"]["responses"]["429"]["content"]["application/problem+json"]

    assert refusal["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert refusal["examples"]["resend_too_soon"]["value"]["type"] == "http://127.0.0.1:8000/problems/resend_too_soon"
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["examples"] == sorted(catalogue())


async def test_operations_are_named_after_their_functions(document: Any) -> None:
    named = {one["operationId"] for path in document["paths"].values() for one in path.values()}

    assert {"add_person", "show_me", "change_me", "show_item"} <= named


async def test_the_description_starts_a_frontend_developer(document: Any) -> None:
    assert "POST /verify-otp" in document["info"]["description"]
    assert "no password grant" in document["info"]["description"]
    assert [tag["name"] for tag in document["tags"]] == ["Your account", "For machines"]
    assert all(tag["description"] for tag in document["tags"])
    assert document["servers"] == [{"url": "/"}]


async def test_asking_twice_gives_the_same_document(client: AsyncClient, document: Any) -> None:
    assert (await client.get("/openapi.json")).json() == document


@pytest.mark.parametrize("code", sorted(catalogue()))
async def test_each_problem_has_a_page(client: AsyncClient, code: str) -> None:
    page = await client.get(f"/problems/{code}", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert catalogue()[code].title in page.text


async def test_a_program_gets_the_page_as_data(client: AsyncClient) -> None:
    entry = (await client.get("/problems/not_found", headers={"Accept": "application/json"})).json()
    entries = (await client.get("/problems", headers={"Accept": "application/json"})).json()

    assert (entry["status"], entry["title"]) == (404, catalogue()["not_found"].title)
    assert entry in entries["items"]
    assert entries["next_cursor"] is None


async def test_the_list_leads_to_every_page_and_back(client: AsyncClient) -> None:
    links = await links_of(client, "/problems")

    assert links == [f"/problems/{code}" for code in sorted(catalogue())]
    assert await links_of(client, links[0]) == ["/problems"]


@pytest.mark.parametrize("code", ["nothing", "<script>alert(1)", "__class__", "NOT_FOUND"])
async def test_there_is_no_page_for_what_is_no_problem(client: AsyncClient, code: str) -> None:
    answer = await client.get(f"/problems/{code}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "script" not in answer.text


async def test_problem_pages_are_there_in_production_and_may_be_cached(serve: Serve) -> None:
    page = await serve(environment="production").get("/problems/not_found")

    assert page.headers["cache-control"] == "public, max-age=3600"
    assert page.headers["vary"] == "Accept"
