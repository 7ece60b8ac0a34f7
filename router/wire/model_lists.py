"""Lists of models in the three shapes that clients know, from one neutral description.

Sources: OpenAI's and Anthropic's OpenAPI descriptions of ``GET /v1/models``; ai.google.dev ``models.list``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from router.faults import Fault, bad_request
from router.wire.conversation import JsonObject

ANTHROPIC_LIMIT = 20
MAX_ANTHROPIC_LIMIT = 1000
GEMINI_PAGE = 50
MAX_GEMINI_PAGE = 1000
_GENERATING = ("generateContent", "streamGenerateContent", "countTokens")
_EMBEDDING = ("embedContent", "batchEmbedContents")


class ModelInfo(Struct, frozen=True, kw_only=True):
    """One model as a client sees it. id: the name to call it by. created: Unix seconds, 0 where unknown.

    context_window, max_output: tokens, None where unknown. demo: answers come from the built-in demo provider.
    needs_login: no account of its provider can serve before a person has signed in.
    """

    id: str
    display_name: str = ""
    owned_by: str = "switchyard"
    created: int = 0
    context_window: int | None = None
    max_output: int | None = None
    thinking: bool = False
    images: bool = False
    embeddings: bool = False
    demo: bool = False
    needs_login: bool = False

    @property
    def shown_name(self) -> str:
        """For people; says that a demo is a demo, and where somebody must sign in."""
        name = self.display_name or self.id
        if self.needs_login:
            return f"{name} (needs login)"
        return f"{name} (demo)" if self.demo and "demo" not in name.lower() else name


def openai_model(model: ModelInfo) -> JsonObject:
    """``GET /v1/models/{id}`` for OpenAI's clients; keys behind `owned_by` are additions of compatible servers."""
    entry: JsonObject = {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owned_by}
    if model.display_name or model.demo or model.needs_login:
        entry["name"] = model.shown_name
    if model.context_window is not None:
        entry["context_length"] = entry["context_window"] = model.context_window
    if model.max_output is not None:
        entry["max_output_tokens"] = model.max_output
    if model.demo:
        entry["demo"] = True
    if model.needs_login:
        entry["state"] = "needs_login"
    return entry


def openai_list(models: Sequence[ModelInfo]) -> JsonObject:
    """``GET /v1/models`` for OpenAI's clients: everything at once."""
    return {"object": "list", "data": [openai_model(model) for model in models]}


def anthropic_model(model: ModelInfo) -> JsonObject:
    """``GET /v1/models/{id}`` for Anthropic's clients."""
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.shown_name,
        "created_at": datetime.fromtimestamp(model.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "max_input_tokens": model.context_window,
        "max_tokens": model.max_output,
        "capabilities": {
            "thinking": {"supported": model.thinking},
            "image_input": {"supported": model.images},
        },
    }


def anthropic_list(
    models: Sequence[ModelInfo], *, limit: str | None = None, after_id: str | None = None, before_id: str | None = None
) -> JsonObject:  # fmt: skip
    """One page for Anthropic's clients; the arguments are the query as it stands. Raises `Fault` bad_request.

    `before_id` gives the page that ends just before that model, as the vendor's cursors do."""
    size = _number(limit, "limit", ANTHROPIC_LIMIT, MAX_ANTHROPIC_LIMIT)
    if after_id and before_id:
        raise bad_request("after_id and before_id exclude each other.", "after_id")
    ids = [model.id for model in models]
    if before_id:
        end = _position(ids, before_id, "before_id")
        start = max(0, end - size)
        more = start > 0
    else:
        start = _position(ids, after_id, "after_id") + 1 if after_id else 0
        end = min(len(ids), start + size)
        more = end < len(ids)
    page = models[start:end]
    return {
        "data": [anthropic_model(model) for model in page],
        "has_more": more,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def _position(ids: list[str], wanted: str, key: str) -> int:
    if wanted not in ids:
        raise bad_request(f'{key}: there is no model "{wanted}"; use an id of the page before.', key)
    return ids.index(wanted)


def gemini_model(model: ModelInfo) -> JsonObject:
    """``GET /v1beta/models/{id}`` for Gemini's clients."""
    entry: JsonObject = {
        "name": f"models/{model.id}",
        "baseModelId": model.id,
        "version": "001",
        "displayName": model.shown_name,
        "description": f"{model.shown_name}, served by {model.owned_by}",
        "supportedGenerationMethods": list(_EMBEDDING if model.embeddings else _GENERATING),
    }
    if model.context_window is not None:
        entry["inputTokenLimit"] = model.context_window
    if model.max_output is not None:
        entry["outputTokenLimit"] = model.max_output
    if model.thinking:
        entry["thinking"] = True
    return entry


def gemini_list(
    models: Sequence[ModelInfo], *, page_size: str | None = None, page_token: str | None = None
) -> JsonObject:  # fmt: skip
    """One page for Gemini's clients; the token is the position of the next page. Raises `Fault` bad_request."""
    size = min(_number(page_size, "pageSize", GEMINI_PAGE, None), MAX_GEMINI_PAGE) or GEMINI_PAGE
    start = _number(page_token, "pageToken", 0, None) if page_token else 0
    page = models[start : start + size]
    reply: JsonObject = {"models": [gemini_model(model) for model in page]}
    if start + size < len(models):
        reply["nextPageToken"] = str(start + size)
    return reply


def _number(text: str | None, key: str, default: int, most: int | None) -> int:
    """A count from a query, `default` where it is absent or empty."""
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise bad_request(f'{key} must be a whole number, not "{text[:40]}".', key)
    value = int(text)
    if most is not None and not 1 <= value <= most:
        raise bad_request(f"{key} must be between 1 and {most}, not {value}.", key)
    return value


def missing(name: str) -> Fault:
    """No model of this name."""
    return Fault("not_found", f'There is no model "{name}". GET /v1/models lists the models of this gateway.')
