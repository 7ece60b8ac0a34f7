"""Knobs and limits that a model does not take (`wire.md` 2, 12). Pure.

Dropped or clamped with a note; refused where the caller will read the result."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import structs

from router.faults import bad_request
from router.models.thinking import will_think
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Dialect
from router.wire.notes import Notes

_PARAMS: Mapping[Dialect, Mapping[str, str]] = MappingProxyType(
    {
        "chat": {"n": "n", "logprobs": "logprobs"},
        "responses": {"n": "n", "logprobs": "top_logprobs"},
        "messages": {"n": "n", "logprobs": "logprobs"},
        "gemini": {"n": "generationConfig.candidateCount", "logprobs": "generationConfig.responseLogprobs"},
    }
)
_DEFAULT = 1.0  # of temperature and of top_p: leaving it out changes nothing, so nothing is noted


def refuse_unanswerable(conversation: Conversation, capabilities: Capabilities) -> None:
    """Several answers, or numbers that the caller will read, from a model that gives none: `Fault` bad_request."""
    params = _PARAMS[conversation.dialect]
    if conversation.n is not None and conversation.n > 1 and not capabilities.n:
        text = "gives one answer per request. Send several requests, or choose another model."
        raise bad_request(f"{params['n']}: the model '{conversation.model}' {text}", params["n"])
    if conversation.logprobs is not None and not capabilities.logprobs:
        text = "reports no log probabilities. Leave the setting out, or choose another model."
        raise bad_request(f"{params['logprobs']}: the model '{conversation.model}' {text}", params["logprobs"])


def fit_sampling(conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes) -> Conversation:
    """Without the knobs that the model refuses, and a temperature within its range."""
    asked = conversation.sampling
    changes: dict[str, Any] = {}
    thinks = target != "messages" and not capabilities.sampling_with_thinking
    if not capabilities.sampling or (thinks and will_think(conversation, capabilities)):
        changes |= _without(asked, ("temperature", "top_p", "top_k"), notes)
    else:
        if asked.temperature is not None and asked.temperature > capabilities.temperature_max:
            notes.clamped("temperature")
            changes["temperature"] = capabilities.temperature_max
        if asked.temperature is not None and asked.top_p is not None and not capabilities.temperature_with_top_p:
            changes |= _without(asked, ("top_p",), notes)
    if not capabilities.penalties:
        changes |= _without(asked, ("presence_penalty", "frequency_penalty"), notes, default=0.0)
    if not capabilities.seed:
        changes |= _without(asked, ("seed",), notes)
    return structs.replace(conversation, sampling=structs.replace(asked, **changes)) if changes else conversation


def _without(asked: Any, keys: tuple[str, ...], notes: Notes, default: float = _DEFAULT) -> dict[str, None]:
    said = [key for key in keys if getattr(asked, key) is not None]
    for key in said:
        if key in ("seed", "top_k") or getattr(asked, key) != default:
            notes.dropped(key)
    return dict.fromkeys(said)


def fit_output_limit(
    conversation: Conversation, capabilities: Capabilities, target: Dialect, notes: Notes
) -> Conversation:
    """At most what the model can write. Messages targets always need a limit, with room to think: see their writer."""
    limit, most = conversation.max_tokens, capabilities.max_output
    if target == "messages" or limit is None or most is None or limit <= most:
        return conversation
    notes.clamped("max_tokens")
    return structs.replace(conversation, max_tokens=most)
