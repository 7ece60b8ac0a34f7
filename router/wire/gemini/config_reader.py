"""``generationConfig`` as neutral settings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast, get_args

from msgspec import Struct, field

from router.faults import bad_request
from router.wire.conversation import Effort, Json, JsonObject, OutputFormat, Reasoning, Sampling
from router.wire.gemini import schema_reader
from router.wire.gemini.fields import Word, below, message, optional, rest, strings

PATH = "generationConfig"
_KNOBS: Mapping[str, tuple[str, Word]] = MappingProxyType(
    {
        "temperature": ("temperature", "a number"),
        "topP": ("top_p", "a number"),
        "topK": ("top_k", "an integer"),
        "presencePenalty": ("presence_penalty", "a number"),
        "frequencyPenalty": ("frequency_penalty", "a number"),
        "seed": ("seed", "an integer"),
    }
)
_MAPPED = frozenset(
    {*_KNOBS, "maxOutputTokens", "stopSequences", "candidateCount", "responseLogprobs", "logprobs", "thinkingConfig"}
    | {"responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema", "responseModalities"}
)
_EFFORTS: frozenset[str] = frozenset(get_args(Effort))


class Config(Struct, frozen=True):
    """What ``generationConfig`` says; `others` are the fields without a neutral word."""

    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int | None = None
    logprobs: int | None = None
    output: OutputFormat | None = None
    reasoning: Reasoning = Reasoning()
    modalities: tuple[str, ...] = ()
    others: JsonObject = field(default_factory=dict)


def read(value: Json) -> Config:
    """Raises `Fault` bad_request with the JSON path."""
    found = message(value, PATH)
    others = rest(found, _MAPPED)
    knobs: dict[str, Any] = {name: optional(found, key, word, PATH) for key, (name, word) in _KNOBS.items()}
    logprobs = optional(found, "logprobs", "an integer", PATH)
    if optional(found, "responseLogprobs", "a boolean", PATH) is not True:
        logprobs = None
    elif logprobs is None:
        logprobs = 0
    modalities = strings(found.get("responseModalities", []), below(PATH, "responseModalities"))
    return Config(
        sampling=Sampling(**knobs),
        max_tokens=optional(found, "maxOutputTokens", "an integer", PATH),
        stop=strings(found.get("stopSequences", []), below(PATH, "stopSequences")),
        n=optional(found, "candidateCount", "an integer", PATH),
        logprobs=logprobs,
        output=_output(found, others),
        reasoning=_reasoning(found.get("thinkingConfig", {}), others),
        modalities=tuple(each.lower() for each in modalities),
        others=others,
    )


def _output(found: JsonObject, others: JsonObject) -> OutputFormat | None:
    mime = optional(found, "responseMimeType", "a string", PATH)
    proto = optional(found, "responseSchema", "an object", PATH)
    json_key = "responseJsonSchema" if "responseJsonSchema" in found else "_responseJsonSchema"
    schema = optional(found, json_key, "an object", PATH)
    if proto is not None:
        others["responseSchema"] = proto
        schema = schema_reader.read(proto)
    elif schema is not None and (lowered := schema_reader.lowered(schema)) is not schema:
        others["responseJsonSchema"], schema = schema, lowered
    if mime == "text/x.enum":
        return OutputFormat("enum", schema)
    if mime == "text/plain":
        return OutputFormat("text")
    if mime not in (None, "application/json"):
        where = below(PATH, "responseMimeType")
        raise bad_request(f"{where} must be text/plain, application/json or text/x.enum, not {mime!r}.", where)
    if schema is not None:
        return OutputFormat("schema", schema)
    return OutputFormat("json") if mime is not None else None


def _reasoning(value: Json, others: JsonObject) -> Reasoning:
    path = below(PATH, "thinkingConfig")
    found = message(value, path)
    level = optional(found, "thinkingLevel", "a string", path)
    unknown = rest(found, ("thinkingLevel", "thinkingBudget", "includeThoughts"))
    effort: Effort | None = None
    if level is not None and level.lower() in _EFFORTS:
        effort = cast(Effort, level.lower())
    elif level is not None and level != "THINKING_LEVEL_UNSPECIFIED":
        unknown["thinkingLevel"] = level
    if unknown:
        others["thinkingConfig"] = unknown
    return Reasoning(
        effort=effort,
        budget=optional(found, "thinkingBudget", "an integer", path),
        show=optional(found, "includeThoughts", "a boolean", path),
    )
