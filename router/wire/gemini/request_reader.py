"""A ``generateContent`` body as a neutral conversation. Model and stream come from the path."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import bad_request
from router.wire.conversation import Conversation, Json, JsonObject
from router.wire.gemini import config_reader, tools_reader
from router.wire.gemini.fields import kept, message, optional, rest
from router.wire.gemini.history_reader import HistoryReader, system_parts

_KNOWN = ("contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "serviceTier", "model")
TIERS: Mapping[str, str] = MappingProxyType({"standard": "default", "flex": "flex", "priority": "priority"})
"""Gemini's service tiers in neutral words."""


def read_request(body: Json, model: str | None = None, stream: bool | None = None) -> Conversation:
    """Read a request. `model` and `stream` as the path says them; a ``models/`` prefix is taken off.

    Raises `Fault` bad_request with the JSON path of the mistake."""
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object with contents.")
    found = message(body, "")
    if "contents" not in found:
        raise bad_request("contents is missing; it must be a list of contents.", "contents")
    name = model if model is not None else optional(found, "model", "a string", "")
    if not name:
        raise bad_request("The model is missing: it belongs in the path, as in /v1beta/models/MODEL:generateContent.")
    config = config_reader.read(found.get("generationConfig", {}))
    choice, tool_config = tools_reader.read_tool_config(found.get("toolConfig", {}))
    others: JsonObject = rest(found, _KNOWN)
    if config.others:
        others["generationConfig"] = config.others
    if tool_config:
        others["toolConfig"] = tool_config
    tier = optional(found, "serviceTier", "a string", "")
    if tier is not None and tier.lower() not in TIERS:
        others["serviceTier"] = tier
    return Conversation(
        dialect="gemini",
        model=name.removeprefix("models/"),
        system=system_parts(found["systemInstruction"]) if "systemInstruction" in found else (),
        turns=HistoryReader().turns(found["contents"]),
        tools=tools_reader.read_tools(found.get("tools", [])),
        tool_choice=choice,
        output=config.output,
        sampling=config.sampling,
        reasoning=config.reasoning,
        max_tokens=config.max_tokens,
        stop=config.stop,
        n=config.n,
        logprobs=config.logprobs,
        modalities=config.modalities,
        service_tier=TIERS.get(tier.lower()) if tier is not None else None,
        stream=bool(stream),
        extra=kept(others),
    )
