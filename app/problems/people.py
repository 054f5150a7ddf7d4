"""Refusals about who somebody is and what they proved: credentials, tokens, factors, passwords."""

from typing import ClassVar

from app.problems.base import Problem


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


class MfaLocked(Problem):
    code, status, title = "mfa_locked", 429, "This factor is locked for a while"
    why = "Too many wrong codes were tried for this account. Another factor may still work; `retry_after` says when this one does."


class ResendTooSoon(Problem):
    code, status, title = "resend_too_soon", 429, "A code was sent a moment ago"
    why = "Each further code waits longer than the one before. `retry_after` says how long."


class InvalidVerificationCode(Problem):
    code, status, title = "invalid_verification_code", 400, "The verification code is not right"
    why = "The code is wrong, has expired or was used, or there is no such registration."


class InvalidResetToken(Problem):
    code, status, title = "invalid_reset_token", 400, "The link is not valid"
    why = "The reset token is wrong, has expired or was used, or the password or a factor was changed since. Ask for a new link."


class InvalidRefreshToken(Problem):
    code, status, title = "invalid_refresh_token", 401, "The refresh token is not valid"
    why = "The refresh token is malformed, expired, was rotated away, or its session has ended. Sign in again."


class CsrfRequired(Problem):
    code, status, title = "csrf_required", 403, "The CSRF header is missing"
    why = (
        "A refresh token in a cookie counts only beside the header `X-Gatehouse-CSRF: 1`, which no other site can send."
    )


class WrongCurrentPassword(Problem):
    code, status, title = "wrong_current_password", 403, "The password is not right"
    why = "The password that was given to prove that it is you is not the account's."


class PasswordTooShort(Problem):
    code, status, title = "password_too_short", 422, "The password is too short"
    why = "Passwords have a minimum length (NIST SP 800-63B-4 §3.1.1.2). A few unrelated words make a good one."


class PasswordTooLong(Problem):
    code, status, title = "password_too_long", 422, "The password is too long"
    why = "Passwords have a maximum length, so that nobody can make the service hash megabytes."


class PasswordBlocklisted(Problem):
    code, status, title = "password_blocklisted", 422, "The password is too common"
    why = "The password is on a public list of common or leaked passwords, which is what attackers try first."


class PasswordUnchanged(Problem):
    code, status, title = "password_unchanged", 422, "The password is the old one"
    why = "The new password is the one that is to be replaced. Choose one that was not used here before."


class SmsUnavailable(Problem):
    code, status, title = "sms_unavailable", 503, "The SMS could not be sent"
    why = "The SMS provider refused or could not be reached, and nothing was sent. Try again, or use another factor."


class SmsNotAllowed(Problem):
    code, status, title = "sms_not_allowed", 422, "This number cannot get codes"
    why = "The number's country or kind is not served by this installation. Use a mobile number, or another factor."


class PhoneInUse(Problem):
    code, status, title = "phone_in_use", 409, "The number belongs to another account"
    why = "One number can be the second factor of one account only."


class StrongerFactorRequired(Problem):
    code, status, title = "stronger_factor_required", 403, "A stronger proof is needed"
    why = "Factors are changed with the strongest one that is enrolled, or with a recovery code. A factor replaced lately does not count."


class LastFactor(Problem):
    code, status, title = "last_factor", 409, "This is the last factor"
    why = "This installation demands a second factor: enrol another one before removing this."


class FactorNotEnrolled(Problem):
    code, status, title = "factor_not_enrolled", 404, "There is no such factor"
    why = "The factor is not enrolled for this account, or it was removed, or its enrolment was not confirmed in time."
