"""Whose host a request is for, and whether its credential is one of that host: each says no in its own way."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.simulators import refusal, subscriptions
from tests.simulators.connection import Request
from tests.simulators.refusal import Refusal

HOSTS = ("openai", "anthropic", "gemini", "vertex")
# A key is good when it begins like this and does not contain "revoked".
KEYS = {"openai": "sk-sim", "anthropic": "sk-ant-sim", "gemini": "AIzaSim"}
_VERTEX = re.compile(r"^/v1(beta1)?/projects/")
_GEMINI = re.compile(r"^/v1(beta)?/models/[^/]+:")


def locate(request: Request) -> tuple[str, str]:
    """Host and path: by the prefix of the path, else by the path, and for /v1/models by the headers."""
    subscription = subscriptions.locate(request.path)
    if subscription is not None:
        return subscription
    first, _, rest = request.path.removeprefix("/").partition("/")
    if first in HOSTS:
        return first, f"/{rest}"
    path = request.path
    if _VERTEX.match(path):
        return "vertex", path
    if _GEMINI.match(path) or path.startswith("/v1beta/") or "x-goog-api-key" in request.headers:
        return "gemini", path
    if path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return "anthropic", path
    return "openai", path


def dialect_of(host: str, path: str) -> str:
    """The dialect in which a host answers on a path."""
    if host in subscriptions.BASES:
        return subscriptions.dialect_of(host, path)
    if host == "openai":
        return "responses" if path.startswith("/v1/responses") else "chat"
    return "messages" if host == "anthropic" else "gemini"


def credential(request: Request) -> str:
    """The key or token that was sent, "" without."""
    bearer = request.headers.get("authorization", "")
    return (
        request.headers.get("x-api-key")
        or request.headers.get("x-goog-api-key")
        or request.query.get("key")
        or (bearer[7:] if bearer.lower().startswith("bearer ") else "")
    )


def check(host: str, request: Request, accepts_token: Callable[[str], bool]) -> None:
    """Raise the refusal of this host unless the credential is good."""
    _CHECKS[host](request, accepts_token)


def _good(host: str, key: str) -> bool:
    return key.startswith(KEYS[host]) and "revoked" not in key


def _bearer(request: Request) -> str:
    value = request.headers.get("authorization", "")
    return value[7:] if value.startswith("Bearer ") else ""


def _openai(request: Request, _: Callable[[str], bool]) -> None:
    if "authorization" not in request.headers:
        raise refusal.openai(
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            "auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're "
            "accessing the API from your browser and are prompted for a username and password. You can obtain an API "
            "key from https://platform.openai.com/account/api-keys.",
            status=401,
        )
    if not _good("openai", _bearer(request)):
        raise refusal.openai(
            "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
            None,
            "invalid_api_key",
            status=401,
        )


def _anthropic(request: Request, _: Callable[[str], bool]) -> None:
    given = [value for value in (request.headers.get("x-api-key"), _bearer(request)) if value]
    if not given:
        raise refusal.anthropic("x-api-key header is required", status=401)
    if len(given) == 2:
        raise refusal.anthropic("Only one of the x-api-key and Authorization headers may be sent", status=401)
    if not _good("anthropic", given[0]):
        raise refusal.anthropic("invalid x-api-key", status=401)
    if "anthropic-version" not in request.headers:
        raise refusal.anthropic("anthropic-version: header is required")


def _gemini(request: Request, _: Callable[[str], bool]) -> None:
    key = request.headers.get("x-goog-api-key") or request.query.get("key")
    if key is None:
        raise refusal.gemini(
            "Method doesn't allow unregistered callers (callers without established identity). Please "
            "use API Key or other form of API consumer identity to call this API.",
            status=403,
        )
    if not _good("gemini", key):
        detail = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        raise refusal.gemini("API key not valid. Please pass a valid API key.", details=[detail])


def _vertex(request: Request, accepts_token: Callable[[str], bool]) -> None:
    if not accepts_token(_bearer(request)):
        raise refusal.gemini(
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
            "cookie or other valid authentication credential.",
            status=401,
        )


_CHECKS: dict[str, Callable[[Request, Callable[[str], bool]], None]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "vertex": _vertex,
}


def not_found(host: str, path: str) -> Refusal:
    """The answer for a path that a host does not have."""
    if host == "openai":
        return refusal.openai(f"Invalid URL (POST {path})", status=404)
    if host == "anthropic":
        return refusal.anthropic("Not found", status=404)
    return refusal.gemini("Not found", status=404)
