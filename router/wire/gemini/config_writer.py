"""Neutral settings as ``generationConfig``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.wire import effort, schema
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, JsonObject, OutputFormat, Reasoning
from router.wire.notes import Notes

MAX_STOPS = 5
_INT32 = 2**31
_KNOBS: Mapping[str, str] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_p": "topP",
        "top_k": "topK",
        "presence_penalty": "presencePenalty",
        "frequency_penalty": "frequencyPenalty",
    }
)


def write(conversation: Conversation, capabilities: Capabilities, others: JsonObject, notes: Notes) -> JsonObject:
    """``generationConfig``; `others` are fields kept from a Gemini caller."""
    others = dict(others)
    out: JsonObject = _sampling(conversation, capabilities, notes)
    if conversation.max_tokens is not None:
        out["maxOutputTokens"] = conversation.max_tokens
    if stops := sent_stops(conversation, capabilities):
        out["stopSequences"] = list(stops)
    if emulated_stops(conversation, capabilities):
        notes.emulated("stop")
    if conversation.n is not None:
        out["candidateCount"] = conversation.n
    if conversation.logprobs is not None:
        out["responseLogprobs"] = True
        if conversation.logprobs > 0:
            out["logprobs"] = conversation.logprobs
    if conversation.modalities and (conversation.dialect == "gemini" or conversation.modalities != ("text",)):
        out["responseModalities"] = [each.upper() for each in conversation.modalities]
    if conversation.verbosity is not None:
        notes.dropped("verbosity")
    if conversation.output is not None:
        out.update(_output(conversation.output, conversation.dialect == "gemini", others, capabilities))
    thinking = {**_thinking(conversation.reasoning, capabilities), **others.pop("thinkingConfig", {})}
    if thinking:
        out["thinkingConfig"] = thinking
    return {**out, **others}


def sent_stops(conversation: Conversation, capabilities: Capabilities) -> tuple[str, ...]:
    """The stop sequences that Gemini is told: the first five, or as many as the model takes."""
    return _stops(conversation)[: _stop_limit(capabilities)]


def emulated_stops(conversation: Conversation, capabilities: Capabilities) -> tuple[str, ...]:
    """The others, at which the answer is cut here."""
    return _stops(conversation)[_stop_limit(capabilities) :]


def _stops(conversation: Conversation) -> tuple[str, ...]:
    return tuple(each for each in conversation.stop if each != "")


def _stop_limit(capabilities: Capabilities) -> int:
    if not capabilities.stop:
        return 0
    return MAX_STOPS if capabilities.max_stops is None else min(MAX_STOPS, capabilities.max_stops)


def _sampling(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> JsonObject:
    sampling = conversation.sampling
    out: JsonObject = {}
    for name, key in _KNOBS.items():
        value = getattr(sampling, name)
        if value is None:
            continue
        if name.endswith("penalty") and not capabilities.penalties:
            notes.dropped(name)
        else:
            out[key] = value
    if sampling.seed is not None:
        seed = max(-_INT32, min(sampling.seed, _INT32 - 1))
        if seed != sampling.seed:
            notes.clamped("seed")
        if capabilities.seed:
            out["seed"] = seed
        else:
            notes.dropped("seed")
    if sampling.logit_bias is not None:
        notes.dropped("logit_bias")
    return out


def _output(output: OutputFormat, native: bool, others: JsonObject, capabilities: Capabilities) -> JsonObject:
    if output.kind == "text":
        return {"responseMimeType": "text/plain"} if native else {}
    if output.kind == "json":
        return {"responseMimeType": "application/json"}
    out: JsonObject = {"responseMimeType": "text/x.enum" if output.kind == "enum" else "application/json"}
    if "responseSchema" in others:
        return out  # the caller's own, which says the same
    if output.schema is None:
        return out
    if capabilities.schema_form == "openapi" or output.kind == "enum":
        others.pop("responseJsonSchema", None)
        out["responseSchema"] = schema.for_openapi(output.schema, "output schema")
    elif "responseJsonSchema" not in others:
        out["responseJsonSchema"] = output.schema if native else schema.for_gemini_json(output.schema, "output schema")
    return out


def _thinking(reasoning: Reasoning, capabilities: Capabilities) -> JsonObject:
    """One of budget and level (both at once are a 400), and whether thoughts are shown."""
    form = reasoning.form if reasoning.form is not None else _form(reasoning, capabilities)
    out: JsonObject = {}
    if form == "budget":
        budget = reasoning.budget
        if budget is None and reasoning.effort is not None:
            budget = effort.budget_for(
                reasoning.effort,
                style="gemini",
                min_budget=capabilities.min_budget,
                max_budget=capabilities.max_budget,
            )
        if budget is not None:
            out["thinkingBudget"] = budget
    elif form in ("level", "effort", "adaptive"):
        wanted = reasoning.effort
        if wanted is None and reasoning.budget is not None:
            wanted = effort.effort_for(reasoning.budget)
        level = effort.gemini_level(wanted) if wanted is not None else None
        if level is not None:
            out["thinkingLevel"] = level
    if reasoning.show is not None and form != "none":
        out["includeThoughts"] = reasoning.show
    return out


def _form(reasoning: Reasoning, capabilities: Capabilities) -> str:
    """Without `models.adapt`: what the caller said, in the model's form where that is known."""
    if capabilities.thinking in ("none", "budget", "level"):
        return capabilities.thinking
    return "budget" if reasoning.budget is not None else "level"
