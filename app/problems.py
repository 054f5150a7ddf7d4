"""The catalogue of refusals: one class each, with its status, its title and why it happens.

Every refusal on the wire is one of these, rendered by `api/problems.py` as RFC 9457 `application/problem+json`.
No refusal ever carries a submitted value.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One rejected place in a request: a JSON pointer (RFC 6901, `#/email`) and what is wrong there."""

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818  a Problem is what RFC 9457 calls it
    """A refusal. Raise a subclass; its class attributes are what the catalogue page shows."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    why: ClassVar[str]
    challenge: ClassVar[str | None] = None
    """Parameters after `Bearer realm="gatehouse"` in WWW-Authenticate (RFC 6750 §3); only 401s have the header."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: timedelta | None = None,
        attempts_left: int | None = None,
        errors: tuple[Fault, ...] = (),
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.retry_after = retry_after
        self.attempts_left = attempts_left
        self.errors = errors


class InvalidCredentials(Problem):
    code, status, title = "invalid_credentials", 401, "Wrong e-mail or password"
    why = "The e-mail address and the password do not belong together, or this account cannot sign in."


class InvalidToken(Problem):
    code, status, title = "invalid_token", 401, "The token is not valid here"
    why = "The bearer token is missing, malformed, expired, revoked, or of another kind than this route accepts."
    challenge: ClassVar[str | None] = 'error="invalid_token"'


class MissingToken(InvalidToken):
    """No credentials were presented: RFC 6750 §3 wants no error parameter then."""

    challenge = None


class StepUpRequired(Problem):
    code, status, title = "step_up_required", 401, "A fresh proof is needed"
    why = "This route wants a recent sign-in (5 minutes), with a second factor where one is enrolled (RFC 9470)."
    challenge = 'error="insufficient_user_authentication", acr_values="urn:gatehouse:mfa", max_age=300'


class InvalidMfaCode(Problem):
    code, status, title = "invalid_mfa_code", 401, "The code is not right"
    why = "The code is wrong, has expired, was used already, or was replaced by a newer one."


class MfaAttemptsExhausted(Problem):
    code, status, title = "mfa_attempts_exhausted", 429, "Too many wrong codes"
    why = "All attempts of this sign-in or confirmation are used up. Start again."


class ResendTooSoon(Problem):
    code, status, title = "resend_too_soon", 429, "A code was sent a moment ago"
    why = "Each further code waits longer than the one before. `retry_after` says how long."


class InvalidVerificationCode(Problem):
    code, status, title = "invalid_verification_code", 400, "The verification code is not right"
    why = "The code is wrong, has expired or was used, or there is no such registration."


class InvalidRefreshToken(Problem):
    code, status, title = "invalid_refresh_token", 401, "The refresh token is not valid"
    why = "The refresh token is malformed, expired, was rotated away, or its session has ended. Sign in again."


class PasswordTooShort(Problem):
    code, status, title = "password_too_short", 422, "The password is too short"
    why = "Passwords have a minimum length (NIST SP 800-63B-4 §3.1.1.2). A few unrelated words make a good one."


class PasswordTooLong(Problem):
    code, status, title = "password_too_long", 422, "The password is too long"
    why = "Passwords have a maximum length, so that nobody can make the service hash megabytes."


class PasswordBlocklisted(Problem):
    code, status, title = "password_blocklisted", 422, "The password is too common"
    why = "The password is on a public list of common or leaked passwords, which is what attackers try first."


class SmsUnavailable(Problem):
    code, status, title = "sms_unavailable", 503, "The SMS could not be sent"
    why = "The SMS provider refused or could not be reached, and nothing was sent. Try again, or use another factor."


class SmsNotAllowed(Problem):
    code, status, title = "sms_not_allowed", 422, "This number cannot get codes"
    why = "The number's country or kind is not served by this installation. Use a mobile number, or another factor."


class PhoneInUse(Problem):
    code, status, title = "phone_in_use", 409, "The number belongs to another account"
    why = "One number can be the second factor of one account only."


class FactorNotEnrolled(Problem):
    code, status, title = "factor_not_enrolled", 404, "There is no such factor"
    why = "The factor is not enrolled for this account, or it was removed, or its enrolment was not confirmed in time."


class MalformedRequest(Problem):
    code, status, title = "malformed_request", 400, "The request cannot be read"
    why = (
        "The body is not strict JSON in UTF-8: duplicate names, NaN, NUL, lone surrogates and deep nesting are refused."
    )


class ValidationFailed(Problem):
    code, status, title = "validation_failed", 422, "The request does not have the expected form"
    why = "`errors` points at each place that is wrong. Unknown fields are refused too."


class PayloadTooLarge(Problem):
    code, status, title = "payload_too_large", 413, "The body is too large"
    why = "Bodies are limited (16 KiB by default)."


class HeadersTooLarge(Problem):
    code, status, title = "headers_too_large", 431, "The headers are too large"
    why = "The request's headers, or one of them, are larger than anything this service issues or needs."


class UnsupportedMediaType(Problem):
    code, status, title = "unsupported_media_type", 415, "The body is not JSON"
    why = "Send `Content-Type: application/json`, in UTF-8 and without a Content-Encoding."


class MisdirectedRequest(Problem):
    code, status, title = "misdirected_request", 421, "This host is not served here"
    why = "The Host header names another host than this installation answers for."


class NotFound(Problem):
    code, status, title = "not_found", 404, "There is nothing here"
    why = "The path does not exist. Paths have no trailing slash."


class MethodNotAllowed(Problem):
    code, status, title = "method_not_allowed", 405, "The path does not take this method"
    why = "`Allow` names the methods that the path takes."


class RateLimited(Problem):
    code, status, title = "rate_limited", 429, "Too many requests"
    why = "A limit was reached. `retry_after` says when to come back."


class Overloaded(Problem):
    code, status, title = "overloaded", 503, "The service is busy"
    why = "More sign-ins are waiting than can be answered in good time. Try again in a moment."


class DatabaseUnavailable(Problem):
    code, status, title = "database_unavailable", 503, "The service cannot reach its database"
    why = "The request was not carried out. Try again in a moment."


class InternalError(Problem):
    code, status, title = "internal_error", 500, "Something went wrong here"
    why = "An error of the service, logged with the request id of this answer."


def _family(root: type[Problem]) -> list[type[Problem]]:
    return [kind for child in root.__subclasses__() for kind in (child, *_family(child))]


def catalogue() -> dict[str, type[Problem]]:
    """Every refusal by its code; a class that only refines another (`MissingToken`) is not listed twice."""
    found: dict[str, type[Problem]] = {}
    for kind in _family(Problem):
        found.setdefault(kind.code, kind)
    return found
