"""Model lists in the three shapes, and single models."""

from __future__ import annotations

from typing import Any

from tests.simulators import access, models
from tests.simulators.connection import Request
from tests.simulators.reply import Reply

Json = dict[str, Any]


def respond(host: str, path: str, request: Request) -> Reply:
    """GET …/models and …/models/{name}. Raises `Refusal`."""
    parts = path.strip("/").split("/")
    if len(parts) not in (2, 3) or parts[1] != "models" or host == "vertex":
        raise access.not_found(host, path)
    shape = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}[host]
    if len(parts) == 3:
        if parts[2] not in models.LISTED[host]:
            raise access.not_found(host, path)
        return Reply(body=shape(parts[2]))
    return Reply(body=_page(host, [shape(name) for name in models.LISTED[host]], request))


def _page(host: str, entries: list[Json], request: Request) -> Json:
    if host == "openai":
        return {"object": "list", "data": entries}
    if host == "anthropic":
        limit = int(request.query.get("limit", "20"))
        ids = [entry["id"] for entry in entries]
        after = request.query.get("after_id")
        start = ids.index(after) + 1 if after in ids else 0
        shown = entries[start : start + limit]
        return {
            "data": shown,
            "has_more": start + limit < len(entries),
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
        }
    size = int(request.query.get("pageSize", "50"))
    start = int(request.query.get("pageToken", "0"))
    page: Json = {"models": entries[start : start + size]}
    if start + size < len(entries):
        page["nextPageToken"] = str(start + size)
    return page


def _openai(name: str) -> Json:
    return {"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "openai"}


def _anthropic(name: str) -> Json:
    facts = models.find("anthropic", name)
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-02-04T00:00:00Z",
        "max_input_tokens": 200000,
        "max_tokens": facts.output if facts else None,
        "capabilities": None,
    }


def _gemini(name: str) -> Json:
    facts = models.find("gemini", name)
    methods = ["generateContent", "countTokens"] if facts else ["embedContent", "batchEmbedContents"]
    return {
        "name": f"models/{name}",
        "baseModelId": name,
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1048576,
        "outputTokenLimit": facts.output if facts else 1,
        "supportedGenerationMethods": methods,
        "thinking": facts is not None,
    }
