"""Pages of other origins may read answers only where the settings name them, letter by letter."""

from collections.abc import Callable

import pytest
from httpx import AsyncClient

Serve = Callable[..., AsyncClient]


APP = "https://app.example.com"


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


FOREIGN = [
    "https://evil.example",
    "null",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "*",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", ["/me", "/crash", "/nothing"])
async def test_a140_a_foreign_origin_gets_no_cors_header(serve: Serve, origin: str, path: str) -> None:
    client = serve(cors_origins=(APP,))
    answer = await client.get(path, headers={"Origin": origin})
    preflight = await client.options(path, headers={"Origin": origin, **PREFLIGHT})

    assert not [name for name in [*answer.headers, *preflight.headers] if name.startswith("access-control")]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/me", {}, 200),
        ("/crash", {}, 500),
        ("/nothing", {}, 404),
        ("/refuse/resend_too_soon", {}, 429),
        ("/items/x", {}, 422),
        ("/me", {"X-Fat": "x" * 17_000}, 431),
        ("/me", {"Host": "a b"}, 400),
    ],
)
async def test_a140_a_named_origin_can_read_every_answer(
    serve: Serve, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await serve(cors_origins=("https://other.example", APP)).get(path, headers={"Origin": APP, **headers})

    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == [APP]
    assert (
        answer.headers["access-control-expose-headers"]
        == "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
    )
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_a140_a_named_origin_is_told_what_it_may_send(serve: Serve) -> None:
    answer = await serve(cors_origins=(APP,)).options("/people", headers={"Origin": APP, **PREFLIGHT})

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert (
        answer.headers["access-control-allow-headers"] == "Authorization, Content-Type, X-Gatehouse-CSRF, X-Request-Id"
    )
    assert answer.headers["access-control-max-age"] == "600"


async def test_a140_without_origins_there_is_no_cors_at_all(client: AsyncClient) -> None:
    answer = await client.options("/people", headers={"Origin": APP, **PREFLIGHT})

    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "vary" not in answer.headers


async def test_vary_of_a_route_is_kept(serve: Serve) -> None:
    answer = await serve(cors_origins=(APP,)).get("/page", headers={"Origin": APP})

    assert answer.headers.get_list("vary", split_commas=True) == ["Accept", "Origin"]
