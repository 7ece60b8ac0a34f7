"""The neutral form to a Responses request, from an allow-list: the API refuses unknown keys."""

from __future__ import annotations

import hashlib

import msgspec

from router.faults import bad_request
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps_text
from router.wire.conversation import Conversation, JsonObject, OutputFormat, Part, Text, Turn
from router.wire.names import safe_name
from router.wire.notes import Notes
from router.wire.responses.items_writer import ItemsWriter
from router.wire.responses.request_reader import LOGPROBS
from router.wire.responses.response_object import text_format
from router.wire.responses.tools_writer import ToolNames, write_choice, write_tools
from router.wire.written import Undo, Written

MIN_OUTPUT_TOKENS = 16
MAX_USER = 64
ENCRYPTED = "reasoning.encrypted_content"
TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})
VERBOSITIES = frozenset({"low", "medium", "high"})


def write_request(conversation: Conversation, capabilities: Capabilities) -> Written:
    """See `DialectSpec.write_request`. Raises `Fault` bad_request for n > 1, audio output and foreign media."""
    _refuse(conversation)
    notes = Notes()
    names = ToolNames(conversation.tools, capabilities)
    items = ItemsWriter(conversation, capabilities, names, notes)
    tools, added = write_tools(conversation, capabilities, names, notes)
    text, sentence, unfence = _text(conversation, capabilities, notes)
    body: JsonObject = {"model": conversation.model}
    instructions = _system(conversation, items, sentence)
    if instructions is not None:
        body["instructions"] = instructions
    items.items[:0] = added
    body["input"] = items.write(conversation.turns)
    body |= items.body
    if tools:
        body["tools"] = tools
    choice = write_choice(conversation.tool_choice, tools + added, capabilities, names, notes)
    if choice is not None:
        body["tool_choice"] = choice
    if conversation.parallel_tool_calls is not None and (tools or added):
        body["parallel_tool_calls"] = conversation.parallel_tool_calls
    body |= _settings(conversation, capabilities, notes)
    if text:
        body["text"] = text
    body |= _state(conversation, capabilities, notes)
    own = conversation.extra.get("responses", {})
    body |= {key: value for key, value in own.items() if key not in body and key not in ("text", "reasoning")}
    if conversation.stream:
        body["stream"] = True
    if conversation.stop:
        notes.emulated("stop")
    undo = Undo(names=names.undo(), custom=names.bent, stop=conversation.stop, unfence=unfence)
    return Written(body, notes.taken(), undo)


def _refuse(conversation: Conversation) -> None:
    if conversation.n is not None and conversation.n > 1:
        raise bad_request("n: the Responses API gives one answer per request. Send n requests.", "n")
    if "audio" in conversation.modalities:
        raise bad_request("modalities: this model gives no audio. Ask for text, or choose another model.", "modalities")


def _system(conversation: Conversation, items: ItemsWriter, sentence: str | None) -> str | None:
    """The instructions, if there is one text for them; other leading system text becomes messages in place."""
    unmarked: list[Part] = []
    groups: dict[int, tuple[JsonObject, list[Part]]] = {}
    for part in conversation.system:
        message = part.extra.get("responses", {}).get("of")
        if message is None:
            unmarked.append(part)
        else:
            groups.setdefault(message["message"], (message, []))[1].append(part)
    instructions: str | None = None
    if len(unmarked) == 1 and isinstance(unmarked[0], Text):
        instructions = unmarked[0].text
    else:
        for part in unmarked:
            items.message("system", (part,), {}, "system")
    for message, parts in groups.values():
        items.message("system", tuple(parts), message, "system")
    if sentence is None:
        return instructions
    return sentence if instructions is None else f"{instructions}\n\n{sentence}"


def _text(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> tuple[JsonObject, str | None, bool]:
    """``text``, a sentence for the instructions where the format must be asked for in words, and whether to unfence."""
    text: JsonObject = dict(conversation.extra.get("responses", {}).get("text", {}))
    sentence: str | None = None
    unfence = False
    output = conversation.output
    if output is not None:
        if _supported(output, capabilities):
            name = safe_name(output.name) if output.name else None
            text["format"] = text_format(msgspec.structs.replace(output, name=name))
            if output.kind == "json" and not _mentions_json(conversation):
                sentence = "Answer with one JSON object."  # without the word JSON the API refuses json_object
                notes.changed("instructions")
        else:
            sentence, unfence = _in_words(output), output.kind != "enum"
            notes.emulated("output_format")
    if conversation.verbosity is not None:
        if conversation.verbosity in VERBOSITIES:
            text["verbosity"] = conversation.verbosity
        else:
            notes.dropped("verbosity")
    return text, sentence, unfence


def _supported(output: OutputFormat, capabilities: Capabilities) -> bool:
    accepted = {"text": True, "json": capabilities.json_object, "schema": capabilities.json_schema, "enum": False}
    return accepted[output.kind]


def _in_words(output: OutputFormat) -> str:
    if output.kind == "enum":
        values = (output.schema or {}).get("enum", [])
        return f"Answer with exactly one of these values and nothing else: {', '.join(map(str, values))}"
    sentence = "Answer with one JSON object and nothing else."
    return sentence if output.schema is None else f"{sentence} It must match this schema:\n{dumps_text(output.schema)}"


def _mentions_json(conversation: Conversation) -> bool:
    turns = (Turn("system", conversation.system), *conversation.turns)
    return any("json" in part.text.lower() for turn in turns for part in turn.parts if isinstance(part, Text))


def _settings(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> JsonObject:
    """Sampling, reasoning and limits. What only tunes and has no counterpart is dropped with a note."""
    body: JsonObject = {}
    sampling = conversation.sampling
    for key in ("temperature", "top_p"):
        value = getattr(sampling, key)
        if value is None:
            continue
        if capabilities.sampling:
            body[key] = value
        else:
            notes.dropped(key)
    for key in ("top_k", "presence_penalty", "frequency_penalty", "seed", "logit_bias"):
        if getattr(sampling, key) is not None:
            notes.dropped(key)
    reasoning: JsonObject = dict(conversation.extra.get("responses", {}).get("reasoning", {}))
    asked = conversation.reasoning
    if capabilities.thinking != "none" and asked.form != "none":
        if asked.effort is not None:
            reasoning["effort"] = asked.effort
        if asked.summary is not None or asked.show:
            reasoning["summary"] = asked.summary or "auto"
    elif asked.effort is not None:
        notes.dropped("reasoning")
    if reasoning:
        body["reasoning"] = reasoning
    if conversation.max_tokens is not None:
        body["max_output_tokens"] = max(MIN_OUTPUT_TOKENS, conversation.max_tokens)
        if conversation.max_tokens < MIN_OUTPUT_TOKENS:
            notes.clamped("max_output_tokens")
    return body


def _state(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> JsonObject:
    """Storage, what to include, and who asks."""
    own = conversation.extra.get("responses", {})
    store = conversation.store if conversation.store is not None else False
    include = list(own.get("include", []))
    if not store and capabilities.thinking != "none" and ENCRYPTED not in include:
        include.append(ENCRYPTED)
    body: JsonObject = {"store": store}
    if conversation.logprobs is not None:
        if LOGPROBS not in include:
            include.append(LOGPROBS)
        body["top_logprobs"] = conversation.logprobs
    if include:
        body["include"] = include
    if conversation.previous_response_id is not None:
        body["previous_response_id"] = conversation.previous_response_id
    if conversation.cache_key is not None:
        body["prompt_cache_key"] = conversation.cache_key
    if conversation.user is not None and not ({"user", "safety_identifier"} & set(own)):
        body["safety_identifier"] = _short(conversation.user)
    if conversation.metadata:
        if conversation.dialect in ("responses", "chat"):
            body["metadata"] = conversation.metadata
        else:
            notes.dropped("metadata")
    if conversation.service_tier is not None:
        if conversation.service_tier in TIERS:
            body["service_tier"] = conversation.service_tier
        else:
            notes.dropped("service_tier")
    return body


def _short(user: str) -> str:
    """The API takes 64 characters; a longer id becomes its hash, so that one user stays one user."""
    return user if len(user) <= MAX_USER else hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
