"""How each dialect says no: the error body in the shape and the words of the real server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error: HTTP status, body in the dialect, extra headers."""

    def __init__(self, status: int, body: Json | list[Json], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, dict(headers or {})


def openai(
    message: str, param: str | None = None, code: str | None = None, *, status: int = 400, kind: str = ""
) -> Refusal:
    """An error of Chat Completions, Responses, Embeddings or Images."""
    kind = kind or "invalid_request_error"
    return Refusal(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


ANTHROPIC_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def anthropic(message: str, *, status: int = 400) -> Refusal:
    """An error of the Messages interface."""
    kind = ANTHROPIC_KINDS.get(status, "api_error")
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sim"}
    return Refusal(status, body, {"request-id": "req_sim"})


GEMINI_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def gemini(message: str, *, status: int = 400, details: list[Json] | None = None) -> Refusal:
    """An error of the Gemini interface or of Vertex."""
    error: Json = {"code": status, "message": message, "status": GEMINI_STATUSES.get(status, "UNKNOWN")}
    if details is not None:
        error["details"] = details
    return Refusal(status, {"error": error})


OPENAI_KINDS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("service_unavailable_error", "server_is_overloaded"),
    504: ("server_error", "timeout"),
}


def of_status(dialect: str, status: int, message: str) -> Refusal:
    """The error that a server of this dialect sends with `status`."""
    if dialect in ("chat", "responses"):
        kind, code = OPENAI_KINDS.get(status, ("server_error", None))
        return openai(message, code=code, status=status, kind=kind)
    if dialect == "messages":
        return anthropic(message, status=status)
    return gemini(message, status=status)
