"""An authenticator app, by another implementation of RFC 6238 than the service's (pyca/cryptography)."""

from base64 import b32decode
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP


class AuthenticatorApp:
    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._totp = TOTP(b32decode(secret), 6, SHA1(), 30)  # noqa: S303  the RFC's algorithm

    def code(self, at: datetime) -> str:
        return self._totp.generate(int(at.timestamp())).decode()
