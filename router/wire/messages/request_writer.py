"""The neutral form to a Messages request."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from router.faults import bad_request
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, JsonObject, Part, Text
from router.wire.messages import caching, tools_writer
from router.wire.messages.block_writer import BlockWriter
from router.wire.messages.history import arranged
from router.wire.messages.output import RESPOND, OutputPlan, plan_output
from router.wire.messages.request_reader import BILLING
from router.wire.messages.thinking import ThinkingPlan, plan_thinking, room_for_thinking
from router.wire.messages.tool_names import ToolNames
from router.wire.notes import Notes
from router.wire.written import Undo, Written

DEFAULT_MAX_TOKENS = 32_000
"""``max_tokens`` is mandatory: the model's own maximum, or this where it is not known."""

_TIERS = {"auto": "auto", "default": "standard_only"}


def write_request(conversation: Conversation, capabilities: Capabilities) -> Written:
    """The body for ``/v1/messages``. Equal conversations give equal bytes. Raises `Fault` bad_request.

    Tool histories must be sound already (`wire.repair`)."""
    _refuse_impossible(conversation)
    notes = Notes()
    conversation = arranged(conversation, capabilities, notes)
    tools = tools_writer.chosen_tools(conversation)
    names = ToolNames(tools, capabilities.tool_name_max)
    thinking, max_tokens = room_for_thinking(
        plan_thinking(conversation, capabilities, notes),
        _max_tokens(conversation, capabilities, notes),
        capabilities,
    )
    output = plan_output(conversation, capabilities, thinking.on, notes)
    declared, custom = tools_writer.write_tools(tools, names, capabilities, notes)
    choice, thinking, demand = _choice(conversation, capabilities, names, thinking, bool(declared), notes)
    if output.tool is not None:
        declared, choice = [output.tool], {"type": "tool", "name": RESPOND}
    elif not declared:
        declared = tools_writer.history_tools(conversation, names)
        choice = {"type": "none"} if declared else None
    blocks = BlockWriter(names, capabilities, notes)
    system = _system(conversation, blocks, (demand, output.sentence))
    messages = list(_messages(conversation, blocks))
    if conversation.dialect != "messages":
        caching.mark(declared, system, messages)
    body: JsonObject = {"model": conversation.model, "max_tokens": max_tokens}
    optional: JsonObject = {
        "system": system or None,
        "messages": messages,
        "tools": declared or None,
        "tool_choice": choice,
        "thinking": thinking.thinking,
        "output_config": _output_config(conversation, thinking, output),
        **_sampling(conversation, capabilities, thinking.on, notes),
        "stop_sequences": _stop(conversation, capabilities, notes),
        "service_tier": _tier(conversation, notes),
        "metadata": _metadata(conversation),
        "stream": conversation.stream or None,
    }
    body |= {key: value for key, value in optional.items() if value is not None}
    own = conversation.extra.get("messages", {})
    body |= {key: value for key, value in own.items() if not key.startswith("~") and key not in body}
    undo = Undo(
        names=names.back,
        custom=custom,
        output_tool=RESPOND if output.tool is not None else None,
        stop=() if capabilities.stop else conversation.stop,
        unfence=output.unfence,
    )
    _note_the_rest(conversation, notes)
    return Written(body=body, notes=notes.taken(), undo=undo)


def _refuse_impossible(conversation: Conversation) -> None:
    if conversation.n is not None and conversation.n > 1:
        raise bad_request("n: Anthropic models give one answer per request. Send n requests, or leave n out.", "n")
    if conversation.logprobs is not None:
        raise bad_request("logprobs: Anthropic models report none. Leave it out or choose another model.", "logprobs")
    if "audio" in conversation.modalities:
        raise bad_request("modalities: Anthropic models answer with text only. Leave audio out.", "modalities")
    if conversation.previous_response_id is not None:
        raise bad_request(
            "previous_response_id: this answer is not stored here. Send the whole conversation.", "previous_response_id"
        )


def _max_tokens(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> int:
    wanted, most = conversation.max_tokens, capabilities.max_output
    if wanted is None:
        return most if most is not None else DEFAULT_MAX_TOKENS
    if most is not None and wanted > most:
        notes.clamped("max_tokens")
        return most
    return wanted


def _choice(
    conversation: Conversation,
    capabilities: Capabilities,
    names: ToolNames,
    thinking: ThinkingPlan,
    has_tools: bool,
    notes: Notes,
) -> tuple[JsonObject | None, ThinkingPlan, str | None]:
    """``tool_choice``; the thinking that goes with it; a sentence where a forced tool is refused (`wire.md` 4.2)."""
    wanted = conversation.tool_choice
    if not has_tools:
        return None, thinking, None
    demand = None
    if wanted is not None and tools_writer.is_forced(wanted):
        clash = thinking.on and not capabilities.forced_tool_with_thinking
        if clash and capabilities.forced_tool and not thinking.asked and capabilities.thinking_off:
            notes.changed("thinking")
            thinking, clash = thinking.off(), False
        if clash or not capabilities.forced_tool:
            notes.emulated("tool_choice")
            demand = tools_writer.demand(wanted, names)
            wanted = structs.replace(wanted, mode="auto", names=(), required=False)
    return tools_writer.write_tool_choice(wanted, conversation.parallel_tool_calls, names), thinking, demand


def _system(conversation: Conversation, blocks: BlockWriter, sentences: Iterable[str | None]) -> list[JsonObject]:
    parts: list[Part] = list(conversation.system)
    parts.extend(Text(text=sentence) for sentence in sentences if sentence is not None)
    own = conversation.extra.get("messages", {}).get(BILLING, [])
    return [*own, *blocks.blocks(parts, "system")]


def _messages(conversation: Conversation, blocks: BlockWriter) -> Iterable[JsonObject]:
    for index, turn in enumerate(conversation.turns):
        message = {"role": turn.role, "content": blocks.blocks(turn.parts, f"messages[{index}]")}
        yield message | turn.extra.get("messages", {})


def _output_config(conversation: Conversation, thinking: ThinkingPlan, output: OutputPlan) -> JsonObject | None:
    config: JsonObject = dict(conversation.extra.get("messages", {}).get("output_config", {}))
    if thinking.effort is not None:
        config["effort"] = thinking.effort
    if output.format is not None:
        config["format"] = output.format
    return config or None


def _sampling(conversation: Conversation, capabilities: Capabilities, thinking: bool, notes: Notes) -> JsonObject:
    """Only tuning: what the model refuses is left out with a note (`wire.md` 2)."""
    asked = conversation.sampling
    if not capabilities.sampling or (thinking and not capabilities.sampling_with_thinking):
        for key in ("temperature", "top_p", "top_k"):
            if getattr(asked, key) is not None:
                notes.dropped(key)
        return {}
    written: JsonObject = {}
    if asked.temperature is not None:
        most = min(1.0, capabilities.temperature_max)
        if asked.temperature > most:
            notes.clamped("temperature")
        written["temperature"] = min(asked.temperature, most)
    if asked.top_p is not None:
        if asked.temperature is not None and not capabilities.temperature_with_top_p:
            notes.dropped("top_p")
        else:
            written["top_p"] = asked.top_p
    if asked.top_k is not None:
        written["top_k"] = asked.top_k
    return written


def _stop(conversation: Conversation, capabilities: Capabilities, notes: Notes) -> list[str] | None:
    if not conversation.stop:
        return None
    if not capabilities.stop:
        notes.emulated("stop")
        return None
    kept = [sequence for sequence in conversation.stop if sequence.strip()]
    if len(kept) < len(conversation.stop):
        notes.dropped("stop")
    return kept or None


def _tier(conversation: Conversation, notes: Notes) -> str | None:
    tier = conversation.service_tier
    if tier is not None and tier not in _TIERS:
        notes.dropped("service_tier")
    return _TIERS.get(tier) if tier is not None else None


def _metadata(conversation: Conversation) -> JsonObject | None:
    metadata: JsonObject = dict(conversation.metadata) if conversation.dialect == "messages" else {}
    if conversation.user is not None:
        metadata["user_id"] = conversation.user
    return metadata or None


def _note_the_rest(conversation: Conversation, notes: Notes) -> None:
    sampling = conversation.sampling
    for key in ("presence_penalty", "frequency_penalty", "seed", "logit_bias"):
        if getattr(sampling, key) is not None:
            notes.dropped(key)
    if conversation.verbosity is not None:
        notes.dropped("verbosity")
