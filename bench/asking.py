"""What a journey asks of the database: statements and transactions, counted in this process, and no time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus

from httpx import ASGITransport, AsyncClient, Response

from app.main import create_app
from bench import people
from bench.places import Place
from bench.rows import Effort, Row
from tests.statements import CONNECTION, asked, committed
from tests.world import own_logging

_ORIGIN = "http://127.0.0.1:8000"


@asynccontextmanager
async def _client(place: Place) -> AsyncIterator[AsyncClient]:
    with own_logging():
        app = create_app(place.settings())
    async with app.router.lifespan_context(app), AsyncClient(transport=ASGITransport(app), base_url=_ORIGIN) as client:
        yield client


@contextmanager
def _counted() -> Iterator[dict[str, float]]:
    """Statements, the audit log's among them; transactions of more than one statement; and connections taken."""
    counts = dict[str, float]()
    with asked() as seen, committed() as ends:
        yield counts
    counts |= {"transactions": len(ends)}
    counts |= {"statements": len(seen) - seen.count(CONNECTION), "connections": seen.count(CONNECTION)}


async def statements(place: Place, _: Effort) -> AsyncIterator[Row]:
    """Each journey a second time, when all that is read once has been read."""
    warm, ada = await people.settle(place.settings(), 2, with_app=True)
    [bob] = await people.settle(place.settings(), 1)
    async with _client(place) as client:
        await _with_app(client, warm)
        with _counted() as whole:
            tokens = (await _with_app(client, ada)).json()
        await _posted(client, "/login", email=bob.email, password=people.PASSWORD)
        with _counted() as alone:
            await _posted(client, "/login", email=bob.email, password=people.PASSWORD)
        with _counted() as refresh:
            await _posted(client, "/token/refresh", refresh_token=tokens["refresh_token"])
        with _counted() as guarded:
            (await client.get("/session", headers=_bearer(tokens["access_token"]))).raise_for_status()
        with _counted() as profile:
            (await client.get("/me", headers=_bearer(tokens["access_token"]))).raise_for_status()
        wrong = {"email": bob.email, "password": "not it"}
        while (await client.post("/login", json=wrong)).status_code != HTTPStatus.TOO_MANY_REQUESTS:
            pass
        with _counted() as refused:
            await client.post("/login", json=wrong)
    yield _at_most("login, authenticator app, tokens: statements", whole, "statements", 12)
    yield _at_most("login, authenticator app, tokens: transactions", whole, "transactions", 6)
    yield _at_most("POST /login without MFA: statements", alone, "statements", 12)
    yield _at_most("POST /token/refresh: statements", refresh, "statements", 2)
    yield _at_most("a login over its limit: statements", refused, "statements", 0)
    yield _at_most("GET /session: statements", guarded, "statements", 0)
    yield _at_most("GET /me: statements", profile, "statements", 1)


async def _with_app(client: AsyncClient, who: people.Somebody) -> Response:
    pending = await _posted(client, "/login", email=who.email, password=people.PASSWORD)
    code = who.app.code(datetime.now(UTC)) if who.app else ""
    return await _posted(client, "/verify-otp", token=pending.json()["mfa_token"], code=code)


async def _posted(client: AsyncClient, path: str, *, token: str | None = None, **body: str) -> Response:
    return (await client.post(path, json=body, headers=_bearer(token) if token else {})).raise_for_status()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _at_most(name: str, counts: dict[str, float], what: str, goal: int) -> Row:
    return Row(name, counts[what], f"<= {goal}", counts[what] <= goal, counts)
