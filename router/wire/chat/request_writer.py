"""The neutral conversation to a Chat Completions request body, from an allow-list of keys in one fixed order.

Expects a conversation that `repair` and `models.adapt` have seen. What only tunes and has no key here is left out with
a note; what changes meaning is a 400 (`wire.md` 12).
"""

from __future__ import annotations

from router.faults import bad_request
from router.wire import names
from router.wire.capabilities import Capabilities
from router.wire.chat.history_writer import HistoryWriter
from router.wire.chat.tools import NameTable, write_choice, write_tools
from router.wire.codec import dumps_text
from router.wire.conversation import Conversation, Effort, JsonObject, OutputFormat, Text
from router.wire.effort import effort_for
from router.wire.notes import Notes
from router.wire.written import Undo, Written

MAX_STOPS = 4
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "logit_bias")


def write_request(conversation: Conversation, capabilities: Capabilities) -> Written:
    """The upstream body, notes and what to undo. Raises `Fault` bad_request for what cannot be expressed."""
    notes = Notes()
    _refuse(conversation, capabilities)
    conversation = _told_format(conversation, notes)
    table = NameTable(conversation, capabilities.tool_name_max)
    body: JsonObject = {"model": conversation.model}
    body["messages"] = HistoryWriter(conversation, capabilities, table, notes).write()
    tools, emulated = write_tools(conversation, capabilities, table, notes)
    body.update(tools)
    if "tools" in tools:
        _choice(conversation, table, emulated, body)
    _format(conversation, body)
    _tuning(conversation, capabilities, notes, body)
    cut = _stop(conversation, capabilities, notes, body)
    _identity(conversation, notes, body)
    _streaming(conversation, capabilities, body)
    if conversation.dialect == "chat":
        _own(conversation, capabilities, body)
    return Written(body, notes.taken(), Undo(names=table.undo(), custom=emulated, stop=cut))


def _refuse(conversation: Conversation, capabilities: Capabilities) -> None:
    if conversation.previous_response_id is not None:
        raise bad_request(
            "previous_response_id: the target keeps no responses. Send the whole conversation as input.",
            "previous_response_id",
        )
    if conversation.n is not None and conversation.n > 1 and not capabilities.n:
        raise bad_request("n: the target gives one answer per request. Send n requests.", "n")
    if conversation.logprobs is not None and not capabilities.logprobs:
        raise bad_request("logprobs: the target reports no log probabilities. Leave the setting out.", "logprobs")
    if conversation.dialect != "chat":
        if "audio" in conversation.modalities:
            raise bad_request("modalities: the target does not speak. Ask for text.", "modalities")
        if "image" in conversation.modalities and not capabilities.image_output:
            raise bad_request("modalities: the target makes no images. Ask for text.", "modalities")


def _choice(conversation: Conversation, table: NameTable, emulated: frozenset[str], body: JsonObject) -> None:
    custom = {
        table.upstream(tool.name, tool.namespace) for tool in conversation.tools if tool.kind == "custom"
    } - emulated
    if conversation.tool_choice is not None:
        body["tool_choice"] = write_choice(conversation.tool_choice, table, frozenset(custom))
    if conversation.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = conversation.parallel_tool_calls


def _told_format(conversation: Conversation, notes: Notes) -> Conversation:
    """JSON mode needs the word "JSON" in the messages (400 otherwise), and an enum answer has no key: both are told."""
    output = conversation.output
    if output is None or conversation.dialect == "chat":
        return conversation
    if output.kind == "enum":
        values = (output.schema or {}).get("enum", [])
        sentence = f"Answer with exactly one of these values and nothing else: {dumps_text(values)}"
        notes.emulated("response_format")
    elif output.kind == "json" and not _says_json(conversation):
        sentence = "Answer with a JSON object."
    else:
        return conversation
    system = (*conversation.system, Text(sentence))
    return Conversation(**{**_fields(conversation), "system": system})


def _fields(conversation: Conversation) -> JsonObject:
    return {name: getattr(conversation, name) for name in conversation.__struct_fields__}


def _says_json(conversation: Conversation) -> bool:
    parts = [*conversation.system, *(part for turn in conversation.turns for part in turn.parts)]
    return any(isinstance(part, Text) and "json" in part.text.lower() for part in parts)


def _format(conversation: Conversation, body: JsonObject) -> None:
    output = conversation.output
    if output is None or output.kind == "enum":
        return
    if output.kind == "text":
        if conversation.dialect == "chat":
            body["response_format"] = {"type": "text"}
    elif output.kind == "json":
        body["response_format"] = {"type": "json_object"}
    else:
        body["response_format"] = {"type": "json_schema", "json_schema": _schema(output)}


def _schema(output: OutputFormat) -> JsonObject:
    schema: JsonObject = {"name": names.safe_name(output.name) if output.name else "response"}
    for key in ("description", "schema", "strict"):
        value = getattr(output, key)
        if value is not None:
            schema[key] = value
    return schema


def _tuning(conversation: Conversation, capabilities: Capabilities, notes: Notes, body: JsonObject) -> None:
    native = conversation.dialect == "chat"
    for key in _SAMPLING:
        value = getattr(conversation.sampling, key)
        if value is not None:
            body[key] = value
    if conversation.sampling.top_k is not None:
        if native:
            body["top_k"] = conversation.sampling.top_k
        else:
            notes.dropped("top_k")
    if conversation.max_tokens is not None:
        body[capabilities.max_tokens_key] = conversation.max_tokens
    effort = _effort(conversation)
    if effort is not None:
        body["reasoning_effort"] = effort
    if conversation.n is not None:
        body["n"] = conversation.n
    if conversation.logprobs is not None:
        body["logprobs"] = True
        if conversation.logprobs > 0:
            body["top_logprobs"] = conversation.logprobs
    if conversation.modalities and (native or "image" in conversation.modalities):
        body["modalities"] = list(conversation.modalities)
    if conversation.verbosity is not None:
        if native or capabilities.verbosity:
            body["verbosity"] = conversation.verbosity
        else:
            notes.dropped("verbosity")


def _effort(conversation: Conversation) -> Effort | None:
    """A named effort, or what a budget stands for; nothing where `models.adapt` says that the model has no control."""
    reasoning = conversation.reasoning
    if reasoning.form == "none":
        return None
    if reasoning.effort is not None:
        return reasoning.effort
    return effort_for(reasoning.budget) if reasoning.budget is not None else None


def _stop(
    conversation: Conversation, capabilities: Capabilities, notes: Notes, body: JsonObject
) -> tuple[str, ...]:  # fmt: skip
    """Writes what the target takes; gives the sequences that the gateway must cut at itself."""
    if not conversation.stop:
        return ()
    limit = 0
    if capabilities.stop:
        limit = MAX_STOPS if capabilities.max_stops is None else capabilities.max_stops
    sent, cut = conversation.stop[:limit], conversation.stop[limit:]
    if sent:
        body["stop"] = list(sent)
    if cut:
        notes.emulated("stop")
    return cut


def _identity(conversation: Conversation, notes: Notes, body: JsonObject) -> None:
    native = conversation.dialect == "chat"
    if conversation.service_tier is not None:
        body["service_tier"] = conversation.service_tier
    if conversation.user is not None and not native:
        body["user"] = conversation.user
    for key, name in (("metadata", "metadata"), ("store", "store")):
        value = getattr(conversation, name)
        if value is None or value == {}:
            continue
        if native:
            body[key] = value
        elif value is not False:
            notes.dropped(key)


def _streaming(conversation: Conversation, capabilities: Capabilities, body: JsonObject) -> None:
    if conversation.cache_key is not None and (conversation.dialect == "chat" or capabilities.cache_key):
        body["prompt_cache_key"] = conversation.cache_key
    if not conversation.stream:
        return
    body["stream"] = True
    if capabilities.stream_usage:
        body["stream_options"] = {"include_usage": True}


def _own(conversation: Conversation, capabilities: Capabilities, body: JsonObject) -> None:
    """The caller's own keys of this dialect. OpenRouter's `reasoning` object replaces the effort for its models."""
    for key, value in conversation.extra.get("chat", {}).items():
        if key == "stream_options":
            if "stream_options" in body:
                body[key] = {**value, **body[key]}
        elif key == "reasoning" and isinstance(value, dict):
            if capabilities.reasoning_field == "reasoning":
                effort = body.pop("reasoning_effort", None)
                body[key] = value if effort is None or "max_tokens" in value else {**value, "effort": effort}
        elif key not in ("user", "safety_identifier") or conversation.user is not None:
            body[key] = value
