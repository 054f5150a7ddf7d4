"""A pytest fixture to test a service with that takes Gatehouse's tokens: it signs them, and serves the keys and what ended."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key


class Gatehouse(ThreadingHTTPServer):
    """`url` is issuer and audience. Put into `sessions` what ended, into `users` who was cut off: `{id: when}`, in seconds."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.key, self.sessions, self.users = generate_private_key(SECP256R1()), dict[str, int](), dict[str, int]()

    def sign(self, typ: str, life: int, claims: dict[str, Any]) -> str:
        at = int(time.time())
        dated = {"iss": self.url, "iat": at, "exp": at + life} | claims
        return jwt.encode(dated, self.key, "ES256", {"typ": typ, "kid": "test"})

    def token(self, **claims: Any) -> str:  # noqa: ANN401  whatever a test wants
        """An access token of somebody new, after a second factor; *claims* stand in the place of the usual ones."""
        usual = {"aud": self.url, "scope": "full", "client_id": "gatehouse", "auth_time": int(time.time())}
        proved = {"acr": "urn:gatehouse:mfa", "amr": ["pwd", "otp", "mfa"]}
        return self.sign("at+jwt", 600, usual | proved | {one: str(uuid4()) for one in ("sub", "sid", "jti")} | claims)

    def answer(self, path: str) -> str:
        if path.startswith("/sessions/revocations"):
            told = {"sessions": self.sessions, "users": self.users, "reach": 660}
            return self.sign("revocations+jwt", 30, told)
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return json.dumps({"keys": [public | {"kid": "test", "alg": "ES256", "use": "sig"}]})


class _Answers(BaseHTTPRequestHandler):
    server: Gatehouse

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer(self.path).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gatehouse() -> Iterator[Gatehouse]:
    with Gatehouse() as standing:
        threading.Thread(target=standing.serve_forever, args=[0.05]).start()
        yield standing
        standing.shutdown()
