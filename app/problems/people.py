"""Refusals about who somebody is and what they proved: credentials, tokens, factors, passwords."""

from typing import ClassVar

from app.problems.base import Problem


class InvalidCredentials(Problem):
    code, status, title = "invalid_credentials", 401, "Wrong e-mail or password"
    why = "The e-mail address and the password do not belong together, or this account cannot sign in."
    what_to_do = "Say that e-mail or password are wrong, and no more. Do not try again by yourself. Offer `POST /password/forgot`."


class InvalidToken(Problem):
    code, status, title = "invalid_token", 401, "The token is not valid here"
    why = "The bearer token is missing, malformed, expired, revoked, or of another kind than this route accepts."
    what_to_do = 'Where `WWW-Authenticate` has `error="invalid_token"`, refresh once and repeat the request; if that is refused too, sign in again. A pending or enrolment token cannot be refreshed: begin with `POST /login`.'
    challenge: ClassVar[str | None] = 'error="invalid_token"'


class MissingToken(InvalidToken):
    """No credentials were presented: RFC 6750 §3 wants no error parameter then."""

    challenge = None


class StepUpRequired(Problem):
    code, status, title = "step_up_required", 401, "A fresh proof is needed"
    why = "This route wants a recent sign-in (5 minutes), with a second factor where one is enrolled (RFC 9470)."
    what_to_do = "`POST /step-up`, then repeat the request with the access token of its answer."
    challenge = 'error="insufficient_user_authentication", acr_values="urn:gatehouse:mfa", max_age=300'


class InvalidMfaCode(Problem):
    code, status, title = "invalid_mfa_code", 401, "The code is not right"
    why = "The code is wrong, has expired, was used already, or was replaced by a newer one."
    what_to_do = (
        "Let the user type the code again while `attempts_left`, where it is there, is not 0, or ask for another one."
    )


class MfaAttemptsExhausted(Problem):
    code, status, title = "mfa_attempts_exhausted", 429, "Too many wrong codes"
    why = "All attempts of this sign-in, confirmation or step-up are used up."
    what_to_do = "Begin again: with `POST /login`, or an enrolment with `POST /me/factors`. Only a step-up is worth waiting for, `retry_after` seconds."
    otherwise = "Waiting does not help: sign in again, or enrol the factor again."


class MfaLocked(Problem):
    code, status, title = "mfa_locked", 429, "This factor is locked for a while"
    why = "Too many wrong codes were tried for this account. Another factor may still work; `retry_after` says when this one does."
    what_to_do = "Offer another factor, or wait for `retry_after` seconds. Do not try again before."


class ResendTooSoon(Problem):
    code, status, title = "resend_too_soon", 429, "A code was sent a moment ago"
    why = "Each further code waits longer than the one before. `retry_after` says how long."
    what_to_do = "Wait for `retry_after` seconds before you offer another code. The one that was sent is still good in the sign-in that it was sent for, until another factor is asked for there."


class InvalidVerificationCode(Problem):
    code, status, title = "invalid_verification_code", 400, "The verification code is not right"
    why = "The code is wrong, has expired or was used, nothing waits for it, or somebody has the address by now."
    what_to_do = "Let the user type the code again, or have another one mailed. After five tries begin again."


class InvalidResetToken(Problem):
    code, status, title = "invalid_reset_token", 400, "The link is not valid"
    why = "The link's token is wrong, has expired or was used, or the password or a factor was changed since. Ask for a new reset link."
    what_to_do = (
        "Lead to `POST /password/forgot` for another link. There is no second one that undoes a change of e-mail."
    )


class InvalidRefreshToken(Problem):
    code, status, title = "invalid_refresh_token", 401, "The refresh token is not valid"
    why = "The refresh token is malformed, expired, was rotated away, or its session has ended. Sign in again."
    what_to_do = "Forget both tokens and sign in again. Do not repeat the request."


class CsrfRequired(Problem):
    code, status, title = "csrf_required", 403, "The CSRF header is missing"
    why = (
        "A refresh token in a cookie counts only beside the header `X-Gatehouse-CSRF: 1`, which no other site can send."
    )
    what_to_do = "Send `X-Gatehouse-CSRF: 1` with every refresh and logout that rest on the cookie."


class WrongCurrentPassword(Problem):
    code, status, title = "wrong_current_password", 403, "The password is not right"
    why = "The password that was given to prove that it is you is not the account's."
    what_to_do = "Let the user type the password again. Each try counts as a wrong password at sign-in does."


class PasswordTooShort(Problem):
    code, status, title = "password_too_short", 422, "The password is too short"
    why = "Passwords have a minimum length (NIST SP 800-63B-4 §3.1.1.2). A few unrelated words make a good one."
    what_to_do = "Show `detail`, which names the length, and let the user choose a longer one."


class PasswordTooLong(Problem):
    code, status, title = "password_too_long", 422, "The password is too long"
    why = "Passwords have a maximum length, so that nobody can make the service hash megabytes."
    what_to_do = "Show `detail`, which names the length, and let the user choose a shorter one."


class PasswordBlocklisted(Problem):
    code, status, title = "password_blocklisted", 422, "The password is too common"
    why = "The password is on a public list of common or leaked passwords, which is what attackers try first."
    what_to_do = "Show `detail` and let the user choose another one. A small variation is not enough."


class PasswordUnchanged(Problem):
    code, status, title = "password_unchanged", 422, "The password is the old one"
    why = "The new password is the one that is to be replaced. Choose one that was not used here before."
    what_to_do = "Let the user choose one that is not the old one."


class SmsUnavailable(Problem):
    code, status, title = "sms_unavailable", 503, "The SMS could not be sent"
    why = "The SMS provider refused or could not be reached, and nothing was sent. Try again, or use another factor."
    what_to_do = "Offer another factor, and `send again`: no code is under way, and asking again is not held back."


class SmsNotAllowed(Problem):
    code, status, title = "sms_not_allowed", 422, "This number cannot get codes"
    why = "The number's country or kind is not served by this installation. Use a mobile number, or another factor."
    what_to_do = "Let the user give a mobile number of a country that is served, or enrol another factor."


class PhoneInUse(Problem):
    code, status, title = "phone_in_use", 409, "The number belongs to another account"
    why = "One number can be the second factor of one account only."
    what_to_do = "Let the user take another number, or remove it from their other account first."


class StrongerFactorRequired(Problem):
    code, status, title = "stronger_factor_required", 403, "A stronger proof is needed"
    why = "Factors are changed with the strongest one that is enrolled, or with a recovery code. A factor replaced lately does not count."
    what_to_do = (
        "`POST /step-up` with the strongest factor of `GET /me/factors` or a recovery code, then repeat the request."
    )


class LastFactor(Problem):
    code, status, title = "last_factor", 409, "This is the last factor"
    why = "This installation demands a second factor: enrol another one before removing this."
    what_to_do = "Enrol another factor first, then remove this one."


class FactorNotEnrolled(Problem):
    code, status, title = "factor_not_enrolled", 404, "There is no such factor"
    why = "The factor is not enrolled for this account, or it was removed, or its enrolment was not confirmed in time."
    what_to_do = (
        "Read `GET /me/factors` anew. An enrolment that was not confirmed within 15 minutes has to be begun again."
    )
