"""Refusals about a request as such, or about the state the service is in."""

from app.problems.base import Problem


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


class InsufficientScope(Problem):
    code, status, title = "insufficient_scope", 403, "The proof does not cover this"
    why = "The call proves nothing that allows it: its signature is missing, wrong, or was used before."


class RateLimited(Problem):
    code, status, title = "rate_limited", 429, "Too many attempts"
    why = "Too many attempts were made for one account, or from one network. `retry_after` says when another is looked at."


class Overloaded(Problem):
    code, status, title = "overloaded", 503, "The service is busy"
    why = "More sign-ins are waiting than can be answered in good time. Try again in a moment."


class DatabaseUnavailable(Problem):
    code, status, title = "database_unavailable", 503, "The service cannot reach its database"
    why = "The request was not carried out. Try again in a moment."


class InternalError(Problem):
    code, status, title = "internal_error", 500, "Something went wrong here"
    why = "An error of the service, logged with the request id of this answer."
