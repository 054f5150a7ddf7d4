"""Users as other systems write them down: judged one by one, sealed, and refused with a sentence that holds no value of theirs."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError
from pydantic_core import ErrorDetails

from app.addresses import Email, read_address
from app.clock import Clock
from app.crypto.chance import new_id
from app.crypto.hashes import understand
from app.factors.base import Shape
from app.factors.phones import E164
from app.flows.own_claims import require_good
from app.flows.states import States
from app.names import DisplayName, Locale
from app.problems import FactorNotEnrolled, SmsNotAllowed
from app.store.enrollments import Enrollment
from app.store.newcomers import NewUser
from app.store.users import ProofDue

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_SAID = {
    "missing": "is missing",
    "extra_forbidden": "is no field that is known here",
    "email": "is not an e-mail address",
    "string_type": "is not a text",
    "bool_type": "is neither true nor false",
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "string_too_long": "is too long",
    "timezone_aware": "says no time zone",
}
_UNVERIFIED = "factors of an address that was not verified are not taken: leave `totp` and `phone` out"


class BroughtTotp(Shape):
    """Only what every authenticator app implements."""

    secret: Annotated[str, Field(max_length=256, repr=False)]
    algorithm: Literal["SHA1", "sha1"] = "SHA1"
    digits: Literal[6] = 6
    period: Literal[30] = 30


class Brought(Shape, strict=True):
    """One line of a file."""

    email: Email
    email_verified: bool
    password_hash: Annotated[str | None, Field(max_length=512, repr=False)] = None
    display_name: DisplayName = None
    locale: Locale = "en"
    created_at: Annotated[AwareDatetime | None, Field(strict=False)] = None
    totp: BroughtTotp | None = None
    phone: Annotated[E164 | None, Field(repr=False)] = None
    disabled: bool = False
    factors_reset: bool = False
    claims: Annotated[dict[str, Any] | None, Field(repr=False)] = None


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who is to be added, with sealed factors. Of a phone there are the blind indexes: the first is written, each is looked for."""

    user: NewUser
    factors: tuple[Enrollment, ...] = ()
    indexes: tuple[bytes, ...] = ()

    def rows(self) -> list[tuple[Enrollment, bytes | None]]:
        index = next(iter(self.indexes), None)
        return [(one, index if one.kind == "sms" else None) for one in self.factors]


@dataclass(frozen=True)
class Newcomers:
    clock: Clock
    states: States

    def read(self, given: object) -> Newcomer:
        """Raises ValueError, with a sentence, for whoever cannot be taken."""
        try:
            brought = Brought.model_validate(given)
        except ValidationError as refused:
            faults = refused.errors(include_url=False, include_context=False, include_input=False)
            raise ValueError(_sentence(faults)) from None
        if not brought.email_verified and (brought.totp or brought.phone):
            raise ValueError(f"{_UNVERIFIED}.")
        return self._seal(brought)

    def _seal(self, brought: Brought) -> Newcomer:
        now = self.clock.now()
        secrets = {"totp": brought.totp and brought.totp.secret, "sms": brought.phone}
        user = self._user(brought, now, has_factor=any(secrets.values()))
        factors = [self._factor(kind, user, secret, now) for kind, secret in secrets.items() if secret]
        indexes = [index for one in factors for index in self.states.indexes(one)]
        return Newcomer(user, tuple(factors), tuple(indexes))

    def _user(self, brought: Brought, now: datetime, *, has_factor: bool) -> NewUser:
        """An address that was not verified may be anybody's: the password that came with it counts for nothing (A091)."""
        address = read_address(brought.email)
        password_hash = (brought.password_hash or "") if brought.email_verified else ""
        if brought.password_hash:
            with _named("password_hash"):
                understand(brought.password_hash)
        if brought.created_at and brought.created_at > now:
            raise ValueError("`created_at` lies in the future.")
        with _named("claims"):
            require_good(brought.claims or {})
        due = ProofDue.FACTORS_RESET.value if brought.factors_reset else ProofDue.ELSEWHERE.value
        return NewUser(
            id=new_id(now),
            email=address.email,
            email_folded=address.folded,
            password_hash=password_hash,
            password_expired=not password_hash,
            active=not brought.disabled,
            locale=brought.locale,
            display_name=brought.display_name,
            email_proof_due=None if has_factor else due,
            claims=brought.claims or {},
            created_at=brought.created_at or now,
        )

    def _factor(self, kind: str, user: NewUser, secret: str, now: datetime) -> Enrollment:
        name = "phone" if kind == "sms" else kind
        try:
            state = self.states.factors[kind].adopt(secret)
        except FactorNotEnrolled:
            raise ValueError(f"`{name}`: GATEHOUSE_MFA__FACTORS leaves {kind} out.") from None
        except SmsNotAllowed as refused:
            raise ValueError(f"`{name}`: {refused.why}") from None
        except ValueError as reason:
            raise ValueError(f"`{name}`: {reason}") from None
        enrollment_id = new_id(now)
        sealed = self.states.seal(enrollment_id, state)
        return Enrollment.new(enrollment_id, kind, user_id=user.id, state=sealed, at=now, confirmed_at=now)


@contextmanager
def _named(field: str) -> Iterator[None]:
    """Have a sentence say which field it is about."""
    try:
        yield
    except ValueError as reason:
        raise ValueError(f"`{field}`: {reason}") from None


def _sentence(faults: list[ErrorDetails]) -> str:
    if not faults[0]["loc"]:
        return "It is not an object."
    said = {f"`{_place(fault)}` {_SAID.get(fault['type'], 'is not of the form that it must have')}" for fault in faults}
    return f"{'; '.join(sorted(said))}."


def _place(fault: ErrorDetails) -> str:
    """A name that nobody gave a field may be anything, a secret too."""
    names = [str(part) for part in fault["loc"]]
    return ".".join(name if _NAME.fullmatch(name) else "…" for name in names)


def written(
    user: Mapping[str, Any], secrets: Mapping[str, str], *, enrolled: bool, with_hashes: bool
) -> dict[str, Any]:
    """A user as `read` takes them, without what is not there; password and seed only *with_hashes*.

    A password that has expired is somebody else's by now, and is left out. Whoever has *enrolled* a factor, and of whom
    none goes along, only gets as far as to a new one (law 10).
    """
    seed = secrets.get("totp") if with_hashes else None
    lost = enrolled and not seed and "sms" not in secrets
    password_hash = user["password_hash"] if with_hashes and not user["password_expired"] else None
    told = {
        "email": user["email"],
        "email_verified": True,
        "password_hash": password_hash or None,
        "display_name": user["display_name"],
        "locale": user["locale"],
        "created_at": user["created_at"].isoformat(),
        "totp": {"secret": seed} if seed else None,
        "phone": secrets.get("sms"),
        "disabled": True if not user["active"] else None,
        "factors_reset": True if lost or user["email_proof_due"] == ProofDue.FACTORS_RESET else None,
        "claims": user["claims"] or None,
    }
    return {name: value for name, value in told.items() if value is not None}
