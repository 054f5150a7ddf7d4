"""Refusals about a request as such, or about the state the service is in."""

from app.problems.base import Problem


class MalformedRequest(Problem):
    code, status, title = "malformed_request", 400, "The request cannot be read"
    why = (
        "The body is not strict JSON in UTF-8: duplicate names, NaN, NUL, lone surrogates and deep nesting are refused."
    )
    what_to_do = "Correct the client, as `detail` says: it must send one JSON value in UTF-8, without duplicate names. Repeating it does not help."


class ValidationFailed(Problem):
    code, status, title = "validation_failed", 422, "The request does not have the expected form"
    why = "`errors` points at each place that is wrong. Unknown fields are refused too."
    what_to_do = "Show each of `errors` beside its field; for fields that the user does not type, correct the client."


class PayloadTooLarge(Problem):
    code, status, title = "payload_too_large", 413, "The body is too large"
    why = "Bodies are limited (16 KiB by default)."
    what_to_do = "Correct the client: nothing that this service takes is that large."


class HeadersTooLarge(Problem):
    code, status, title = "headers_too_large", 431, "The headers are too large"
    why = "The request's headers, or one of them, are larger than anything this service issues or needs."
    what_to_do = "Correct the client: send one bearer token, and no cookies of others."


class UnsupportedMediaType(Problem):
    code, status, title = "unsupported_media_type", 415, "The type or encoding of the body is not taken"
    why = "Send `Content-Type: application/json`, in UTF-8 and without a Content-Encoding."
    what_to_do = "Correct the client: set `Content-Type: application/json`, send UTF-8, and do not compress. `detail` says which it is."


class MisdirectedRequest(Problem):
    code, status, title = "misdirected_request", 421, "This host is not served here"
    why = "The Host header names another host than this installation answers for."
    what_to_do = "Use the address that the service is published under. Operators: `GATEHOUSE_HTTP__PUBLIC_URL`, and the Host that the proxy passes on."


class NotFound(Problem):
    code, status, title = "not_found", 404, "There is nothing here"
    why = "The path does not exist. Paths have no trailing slash."
    what_to_do = "Correct the path. Of things that have ids: it is gone, or never was the caller's. Read the list anew."


class MethodNotAllowed(Problem):
    code, status, title = "method_not_allowed", 405, "The path does not take this method"
    why = "`Allow` names the methods that the path takes."
    what_to_do = "Use one of the methods that `Allow` names."


class InsufficientScope(Problem):
    code, status, title = "insufficient_scope", 403, "The proof does not cover this"
    why = "The call proves nothing that allows it: its signature is missing, wrong, or was used before."
    what_to_do = "Sign the call, anew for each one. Operators: the account's token must be the one that is configured."


class RateLimited(Problem):
    code, status, title = "rate_limited", 429, "Too many attempts"
    why = "Too many attempts were made for one account, or from one network. `retry_after` says when another is looked at."
    what_to_do = (
        "Wait for `retry_after` seconds; whatever is sent before then is not looked at. Do not repeat it by yourself."
    )


class Overloaded(Problem):
    code, status, title = "overloaded", 503, "The service is busy"
    why = "More sign-ins are waiting than can be answered in good time. Try again in a moment."
    what_to_do = "Repeat it after `retry_after` seconds, with a little chance in the pause."


class DatabaseUnavailable(Problem):
    code, status, title = "database_unavailable", 503, "The service cannot reach its database"
    why = "The request was not carried out. Try again in a moment."
    what_to_do = "Repeat it after `retry_after` seconds. A code or token in it may have been used: if it is refused then, ask for another."


class InternalError(Problem):
    code, status, title = "internal_error", 500, "Something went wrong here"
    why = "An error of the service, logged with the request id of this answer."
    what_to_do = "Repeat it once. If it stays so, tell the operator the `X-Request-Id` of the answer."
