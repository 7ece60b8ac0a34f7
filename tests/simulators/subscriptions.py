"""The back ends that subscriptions are for: the four dialects behind other doors, with rules of their own.

A token is good when it begins with ``oat-sim``; with ``revoked`` in it, it has ended; with ``foreign`` in it, the
vendor does not let such programs in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.simulators import models, refusal
from tests.simulators.connection import Request
from tests.simulators.models import Model
from tests.simulators.refusal import Refusal
from tests.simulators.reply import Reply

BASES = {
    "claude": "/claude",
    "chatgpt": "/chatgpt/backend-api/codex",
    "code-assist": "/code-assist",
    "antigravity": "/antigravity",
    "qwen": "/qwen/v1",
    "kimi": "/kimi/coding",
    "xai": "/xai/v1",
    "iflow": "/iflow/v1",
    "copilot": "/copilot",
}
GOOGLE = ("code-assist", "antigravity")
CODEX_HEADERS = {
    "x-codex-primary-used-percent": "12.5",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-after-seconds": "9000",
    "x-codex-secondary-used-percent": "40",
    "x-codex-secondary-window-minutes": "10080",
}
_CODEX = Model(family="gpt-5", output=128000, reasoning=True, sampling=False, efforts=("low", "medium", "high"))
_OPEN = Model(family="open", exposes=True)
_TABLES: dict[str, list[tuple[str, Model]]] = {
    "chatgpt": [
        (r"gpt-5(\.1)?-codex-mini$", replace(_CODEX, efforts=("medium", "high"))),
        (r"gpt-5(\.1)?-codex$", _CODEX),
        (r"gpt-5$", replace(_CODEX, efforts=("minimal", "low", "medium", "high"))),
        (r"gpt-5\.\d$", replace(_CODEX, efforts=models.MODERN_EFFORTS)),
    ],
    "qwen": [(r"qwen3-coder-(plus|flash)$|vision-model$", replace(_OPEN, exposes=False))],
    "kimi": [(r"kimi-for-coding$|kimi-k2", replace(_OPEN, reasoning=True, output=32768))],
    "xai": [(r"grok-(4\.5|code-fast-1)$", Model(family="grok", sampling=True))],
    "iflow": [(r"glm-4\.6$|qwen3-coder-plus$|kimi-k2$|deepseek-v3\.2$", _OPEN)],
    "copilot": [
        (r"gpt-4\.1$", Model(family="gpt-4", output=32768, ids=40)),
        (r"gpt-5(-mini)?$", replace(_CODEX, efforts=("minimal", "low", "medium", "high"))),
        (r"claude-sonnet-4\.5$|gemini-2\.5-pro$", Model(family="copilot")),
    ],
}


def locate(path: str) -> tuple[str, str] | None:
    """Host and the path behind its base; None where it is no host of these."""
    first = path.removeprefix("/").partition("/")[0]
    if first not in BASES:
        return None
    base = BASES[first]
    return first, path.removeprefix(base) if path.startswith(base) else f"/outside{path}"


def dialect_of(host: str, path: str) -> str:
    """The dialect in which a host answers on a path."""
    if host in GOOGLE:
        return "gemini"
    if host == "claude" or "/messages" in path:
        return "messages"
    return "responses" if path.endswith("/responses") else "chat"


def find(host: str, name: str) -> Model:
    """The facts of a model. Raises the refusal of a name that there is not."""
    if host in ("claude", *GOOGLE):
        facts = models.find("anthropic" if host == "claude" else "gemini", name)
    else:
        facts = next((model for pattern, model in _TABLES[host] if re.match(pattern, name)), None)
    if facts is None:
        raise _UNKNOWN.get(host, _unknown_openai)(name)
    return facts


def _unknown_openai(name: str) -> Refusal:
    return refusal.openai(f"The model `{name}` does not exist.", None, "model_not_found", status=404)


def _detail(message: str, status: int = 400) -> Refusal:
    """An error as the back end of ChatGPT writes it."""
    return Refusal(status, {"detail": message})


_UNKNOWN: dict[str, Callable[[str], Refusal]] = {
    "claude": lambda name: refusal.anthropic(f"model: {name}", status=404),
    "chatgpt": lambda name: _detail(f"The '{name}' model is not supported when using Codex with a ChatGPT account."),
    "code-assist": lambda name: refusal.gemini("Requested entity was not found.", status=404),
    "antigravity": lambda name: refusal.gemini("Requested entity was not found.", status=404),
    "copilot": lambda name: refusal.openai("The requested model is not supported.", "model", "model_not_supported"),
}


# Doors: who is let in, and which headers must be there.


def invented(token: str) -> bool:
    """What is taken for a token where no authorisation server gives them out."""
    return token.startswith("oat-sim") and "revoked" not in token


def check_door(host: str, request: Request, path: str, takes: Callable[[str], bool] = invented) -> None:
    """Raise the refusal of this host for a wrong credential or wrong headers. takes: says which tokens are good."""
    headers = request.headers
    bearer = headers.get("authorization", "")
    token = bearer[7:] if bearer.startswith("Bearer ") else ""
    for name in ("x-api-key", "x-goog-api-key", "cookie", "x-stainless-lang", "x-app"):
        if name in headers:
            raise refusal.of_status(dialect_of(host, path), 401, f"{name} must not be sent with an OAuth token")
    if not takes(token):
        raise _unauthenticated(host, path)
    if "foreign" in token:
        raise _foreign(host, path)
    if headers.get("accept-encoding") != "identity":
        raise refusal.of_status(dialect_of(host, path), 400, "this simulator compresses nothing")
    _DOORS.get(host, _anybody)(headers, path)


def _unauthenticated(host: str, path: str) -> Refusal:
    if host == "claude":
        return refusal.anthropic("Invalid bearer token", status=401)
    if host == "chatgpt":
        return Refusal(401, {"error": {"message": "Your authentication token has expired.", "code": "token_expired"}})
    text = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    return refusal.of_status(dialect_of(host, path), 401, text)


def _foreign(host: str, path: str) -> Refusal:
    words = {
        "claude": "This credential is only authorized for use with Claude Code and cannot be used for other API "
        "requests.",
        "chatgpt": "Your account has been deactivated.",
        "code-assist": "This service has been disabled in this account for violation of Terms of Service.",
        "antigravity": "This service has been disabled in this account for violation of Terms of Service.",
        "kimi": "Kimi For Coding is currently only available for Coding Agents.",
        "copilot": "unauthorized: not authorized to use this Copilot feature",
    }
    text = words.get(host, "Your account has been disabled.")
    if host == "chatgpt":
        return _detail(text, 403)
    return refusal.of_status(dialect_of(host, path), 403, text)


def _anybody(headers: Mapping[str, str], path: str) -> None:
    """Nothing more is asked for."""


def _claude(headers: Mapping[str, str], path: str) -> None:
    if "oauth-2025-04-20" not in headers.get("anthropic-beta", "").split(","):
        raise refusal.anthropic("OAuth authentication is currently not supported.", status=401)
    if "anthropic-version" not in headers:
        raise refusal.anthropic("anthropic-version: header is required")


def _chatgpt(headers: Mapping[str, str], path: str) -> None:
    if not headers.get("chatgpt-account-id", "").startswith("acc-"):
        raise _detail("chatgpt-account-id header is required", 403)
    if headers.get("openai-beta") != "responses=experimental":
        raise _detail("OpenAI-Beta: responses=experimental is required")
    if headers.get("accept") != "text/event-stream":
        raise _detail("Accept must be text/event-stream", 406)


def _kimi(headers: Mapping[str, str], path: str) -> None:
    if not headers.get("x-msh-platform") or not headers.get("x-msh-version"):
        raise refusal.of_status(dialect_of("kimi", path), 400, "X-Msh-Platform and X-Msh-Version are required")
    if dialect_of("kimi", path) == "messages" and "anthropic-version" not in headers:
        raise refusal.anthropic("anthropic-version: header is required")


def _copilot(headers: Mapping[str, str], path: str) -> None:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", headers.get("editor-version", "")):
        raise refusal.openai("bad request: missing Editor-Version header for IDE auth")
    if "copilot-integration-id" in headers:
        raise refusal.openai("bad request: unknown Copilot-Integration-Id")


_DOORS: dict[str, Callable[[Mapping[str, str], str], None]] = {
    "claude": _claude,
    "chatgpt": _chatgpt,
    "kimi": _kimi,
    "copilot": _copilot,
}


# What costs nothing: lists of models, and the windows of a plan.

PLAN = "/usage"


def listed(host: str, path: str) -> Any:
    """A list of models, where the back end has one. Raises its refusal of other paths."""
    if path not in ("/models", "/v1/models") or host in ("chatgpt", *GOOGLE):
        raise refusal.of_status(dialect_of(host, path), 404, f"Not found: {path}")
    names = ["claude-sonnet-4-5"] if host == "claude" else [pattern for pattern, _ in _TABLES[host]]
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


def plan(host: str, path: str, request: Request, takes: Callable[[str], bool]) -> Any:
    """The windows of a ChatGPT plan."""
    if not takes(request.headers.get("authorization", "").removeprefix("Bearer ")):
        raise _unauthenticated(host, path)
    window = {"used_percent": 12.5, "reset_after_seconds": 9000}
    return {"rate_limit": {"allowed": True, "limit_reached": False, "primary_window": window}}


# Bodies: what these back ends ask for that the dialect's own server does not.

_CODEX_TOP = frozenset({"model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "reasoning"})
_CODEX_TOP |= {"store", "stream", "include", "prompt_cache_key", "text", "service_tier", "client_metadata"}


def check_chatgpt(body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """The rules of the back end of Codex, in its words."""
    if not isinstance(body.get("instructions"), str):
        raise _detail("Instructions are required")
    if body.get("store") is not False:
        raise _detail("Store must be set to false")
    if body.get("stream") is not True:
        raise _detail("Stream must be set to true")
    if not isinstance(body.get("input"), list):
        raise _detail("Input must be a list")
    for key in body:
        if key not in _CODEX_TOP:
            raise _detail(f"Unsupported parameter: {key}")
    if any(item.get("role") == "system" for item in body["input"]):
        raise _detail("System messages are not allowed")
    if "reasoning.encrypted_content" not in body.get("include", []):
        raise _detail("include must contain reasoning.encrypted_content")
    if headers.get("session_id") != body.get("prompt_cache_key"):
        raise _detail("session_id must be the prompt cache key")


def check_copilot(body: Any, headers: Mapping[str, str]) -> None:
    """Pictures are announced in a header."""
    if re.search(r'"type": "(image_url|input_image)"', json.dumps(body)):
        if headers.get("copilot-vision-request") != "true":
            raise refusal.openai("bad request: missing required Copilot-Vision-Request header for vision requests")
    elif "copilot-vision-request" in headers:
        raise refusal.openai("bad request: there is nothing to see")


def opened(body: Any, method: str) -> tuple[str, Any]:
    """Model and request out of Code Assist's envelope."""
    counting = method == "countTokens"
    for key in body:
        if key not in ({"request"} if counting else {"model", "project", "request"}):
            raise refusal.gemini(f'Invalid JSON payload received. Unknown name "{key}": Cannot find field.')
    request = body.get("request")
    if not isinstance(request, dict):
        raise refusal.gemini("Request contains an invalid argument.")
    if counting:
        return str(request.pop("model", "")).removeprefix("models/"), request
    if not isinstance(body.get("project"), str) or "project" not in body["project"]:
        raise refusal.gemini("Permission denied on resource project.", status=403)
    if not isinstance(request.pop("session_id", None), str):
        raise refusal.gemini("Request contains an invalid argument: session_id.")
    return str(body.get("model", "")), request


def enclosed(reply: Reply) -> Reply:
    """An answer in Code Assist's envelope."""
    if reply.frames is None:
        return replace(reply, body={"response": reply.body, "traceId": "trace-sim"})
    frames = [
        b'data: {"traceId": "trace-sim", "response": ' + frame.removeprefix(b"data: ").strip() + b"}\r\n\r\n"
        for frame in reply.frames
    ]
    return replace(reply, frames=frames)
