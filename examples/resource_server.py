"""A resource server: it takes Gatehouse's access tokens and honours what was revoked, without asking for each request."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import httpx
import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

ISSUER = os.environ["GATEHOUSE"]
AUDIENCE = os.environ.get("AUDIENCE", ISSUER)
POLL_EVERY, KEYS_EVERY, UNKNOWN_KEY_EVERY, LEEWAY = 0.5, 300, 10, 5  # seconds
ACCESS: jwt.types.Options = {"require": ["sub", "sid", "jti", "iat", "exp", "acr", "scope"], "strict_aud": True}
FEED: jwt.types.Options = {"require": ["iat", "exp", "sessions", "users"]}
WRONG = (httpx.HTTPError, jwt.PyJWTError, KeyError, ValueError)


class Gatehouse:
    """Its keys, what it revoked, and until when that is known."""

    def __init__(self) -> None:
        self.http = httpx.AsyncClient(base_url=ISSUER, timeout=5)
        self.keys, self.keys_at = dict[str, jwt.PyJWK](), float("-inf")
        self.revoked: dict[str, Any] = {"iat": 0, "exp": 0}

    async def fetch_keys(self, *, older_than: float) -> None:
        if time.monotonic() - self.keys_at > older_than:
            self.keys_at = time.monotonic()
            published = (await self.http.get("/.well-known/jwks.json")).raise_for_status().json()["keys"]
            self.keys = {jwk["kid"]: jwt.PyJWK(jwk) for jwk in published}

    async def read(self, token: str, typ: str, options: jwt.types.Options, audience: str | None) -> dict[str, Any]:
        head = jwt.get_unverified_header(token)
        if head["typ"] != typ:
            raise jwt.InvalidTokenError
        if head["kid"] not in self.keys:
            await self.fetch_keys(older_than=UNKNOWN_KEY_EVERY)
        key = self.keys[head["kid"]]
        return jwt.decode(token, key, [key.algorithm_name], options, issuer=ISSUER, audience=audience, leeway=LEEWAY)

    async def follow(self) -> None:
        while True:
            with suppress(*WRONG):  # once what is known is too old, every token is refused
                await self.fetch_keys(older_than=KEYS_EVERY)
                document = (await self.http.get("/sessions/revocations")).raise_for_status().text
                told = await self.read(document, "revocations+jwt", FEED, None)
                self.revoked = max(told, self.revoked, key=lambda one: one["iat"])  # a cache may give an older one
            await asyncio.sleep(POLL_EVERY)

    @asynccontextmanager
    async def following(self, _: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(self.follow())
        yield
        task.cancel()

    async def caller(self, given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict[str, Any]:
        """The claims of a token that is good. Who cannot know what was revoked refuses every token."""
        if time.time() > self.revoked["exp"]:
            raise HTTPException(503, "It is not known what was revoked.", {"Retry-After": "1"})
        with suppress(*WRONG):
            claims = await self.read(given.credentials, "at+jwt", ACCESS, AUDIENCE)
            cut_off = self.revoked["users"].get(claims["sub"], 0)
            if claims["scope"] == "full" and claims["sid"] not in self.revoked["sessions"] and claims["iat"] >= cut_off:
                return claims
        raise HTTPException(401, "The token is not valid.", {"WWW-Authenticate": 'Bearer error="invalid_token"'})


gatehouse = Gatehouse()
app = FastAPI(lifespan=gatehouse.following)


@app.get("/notes")
async def notes(who: Annotated[dict[str, Any], Depends(gatehouse.caller)]) -> dict[str, Any]:
    return {"of": who["sub"], "with_second_factor": who["acr"] != "urn:gatehouse:pwd"}
