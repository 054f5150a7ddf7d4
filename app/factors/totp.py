"""An authenticator app (RFC 6238): SHA-1, six digits, 30 seconds; the current and one past step; each step is used once."""

import hmac
from base64 import b32decode, b32encode
from datetime import datetime
from importlib import import_module
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from pyotp import TOTP
from typing_extensions import override

from app.crypto.chance import random_bytes
from app.factors.base import (
    SEALED,
    About,
    AnswerShape,
    Asked,
    CodeRejected,
    Enrolled,
    EnrollShape,
    Factor,
    Holder,
    Question,
    Shape,
    SixDigits,
)

STEP_SECONDS = 30
PAST_STEPS = 1
SEED_BYTES = 20
"""160 bits (RFC 4226 §4 R6)."""
LEAST_SEED_BYTES, MOST_SEED_BYTES = 16, 64
_FORGIVEN = str.maketrans({" ": "", "-": ""})


class TotpSettings(BaseModel):
    """Nothing to choose: these numbers are what every authenticator app implements."""


class TotpState(Shape):
    """`last_step` is the newest step that was used: nothing up to it is good any more."""

    seed: str
    last_step: int = -1


class EnrollTotp(EnrollShape):
    """Begin to use an authenticator app: show the QR code, and confirm with the first code it shows."""

    factor: Literal["totp"]


class TotpSetup(Shape):
    factor: Literal["totp"] = "totp"
    secret: Annotated[str, Field(examples=["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], description="For typing in by hand.")]
    otpauth_uri: Annotated[
        str, Field(examples=["otpauth://totp/Gatehouse:ada%40example.com?secret=…&issuer=Gatehouse"])
    ]
    qr_svg: Annotated[str, Field(examples=["<svg …>…</svg>"], description="`otpauth_uri` as a QR code.")]


class TotpAnswer(AnswerShape):
    """The six digits that the app shows."""

    factor: Literal["totp"] | None = None
    code: SixDigits


class Totp(Factor[TotpState, EnrollTotp, TotpAnswer, TotpSettings]):
    kind = "totp"
    amr = "otp"
    strength = 2
    at_once = True
    Settings, State, Enroll, Answer, Setup = TotpSettings, TotpState, EnrollTotp, TotpAnswer, TotpSetup

    @override
    def enroll(self, request: EnrollTotp, holder: Holder) -> Enrolled[TotpState]:
        seed = b32encode(random_bytes(SEED_BYTES)).decode()
        uri = TOTP(seed, name=holder.account, issuer=holder.brand).provisioning_uri()
        svg = import_module("app.factors.qr").svg(uri)
        return Enrolled(TotpState(seed=seed), TotpSetup(secret=seed, otpauth_uri=uri, qr_svg=svg))

    @override
    def adopt(self, secret: str) -> TotpState:
        """A seed in base32, as apps show it: blanks, hyphens, case and padding do not matter."""
        seed = secret.upper().translate(_FORGIVEN).rstrip("=")
        try:
            size = len(b32decode(seed + "=" * (-len(seed) % 8)))
        except ValueError:
            raise ValueError("The seed is not base32.") from None
        if not LEAST_SEED_BYTES <= size <= MOST_SEED_BYTES:
            raise ValueError("The seed has less than 128 bits (RFC 4226 §4 R6), or more than 512.")
        return TotpState(seed=seed)

    @override
    def hand_over(self, state: TotpState) -> str:
        return state.seed

    @override
    def held(self, state: TotpState) -> dict[str, str | int]:
        """`last_step`: of the last code that was used, counted in 30 s since 1970."""
        return {"seed": SEALED, "last_step": state.last_step}

    @override
    def ask(self, state: TotpState, about: About) -> Question:
        return Question()

    @override
    def accept(self, state: TotpState, answer: TotpAnswer, asked: Asked, at: datetime) -> TotpState:
        """RFC 6238 §5.2: at most one step of delay, and never the same code again."""
        now = int(at.timestamp()) // STEP_SECONDS
        codes = TOTP(state.seed)
        right = [step for step in range(now - PAST_STEPS, now + 1) if _is_code(codes, step, answer.code)]
        fresh = [step for step in right if step > state.last_step]
        if not fresh:
            raise CodeRejected
        return state.model_copy(update={"last_step": fresh[0]})


def _is_code(codes: TOTP, step: int, code: str) -> bool:
    return hmac.compare_digest(codes.generate_otp(step), code)
