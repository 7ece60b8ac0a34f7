"""A neutral conversation as a ``generateContent`` body. Keys in camelCase, equal input gives equal bytes."""

from __future__ import annotations

from router.faults import bad_request
from router.wire import repair
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, JsonObject, Part, Text, Turn
from router.wire.gemini import config_writer, signatures, tools_writer
from router.wire.gemini.fields import own
from router.wire.gemini.part_writer import PartWriter
from router.wire.gemini.request_reader import TIERS
from router.wire.gemini.tools_writer import ToolNames
from router.wire.notes import Notes
from router.wire.written import Undo, Written

_TURNS = {"gemini": "contents", "responses": "input"}
"""Where callers of other dialects than Chat and Messages have their turns."""

FIRST_TURN = "(conversation continues)"
LAST_TURN = "Continue."
ONE_CALL = "Call at most one tool at a time: wait for its result before you call the next."
_TIERS = {neutral: tier for tier, neutral in TIERS.items()}
_ROLES = {"user": "user", "assistant": "model"}


def write_request(conversation: Conversation, capabilities: Capabilities) -> Written:
    """The body, without the model, which belongs in the path. Raises `Fault` bad_request for what cannot be said."""
    notes = Notes()
    if conversation.previous_response_id is not None:
        where = "previous_response_id"
        raise bad_request(f"{where}: Gemini keeps no earlier responses; send the whole conversation.", where)
    upstream = ToolNames(conversation, capabilities.tool_name_max)
    sound = repair.fold_system(repair.repair(conversation, notes), notes)
    system, turns = _leading_system(sound)
    native = conversation.dialect == "gemini"
    contents = _contents(turns, PartWriter(upstream, capabilities, notes, native=native), native, notes)
    if capabilities.needs_signature:
        _sign(contents, notes)
    body = _body(conversation, capabilities, upstream, contents, _system_parts(conversation, system, notes), notes)
    undo = Undo(
        names=upstream.back, custom=upstream.custom, stop=config_writer.emulated_stops(conversation, capabilities)
    )
    return Written(body=body, notes=notes.taken(), undo=undo)


def _body(
    conversation: Conversation,
    capabilities: Capabilities,
    upstream: ToolNames,
    contents: list[JsonObject],
    system: list[JsonObject],
    notes: Notes,
) -> JsonObject:
    others = dict(own(conversation.extra))
    if not contents:
        contents, system = ([{"role": "user", "parts": system}] if system else []), []
    if not contents:
        where = _TURNS.get(conversation.dialect, "messages")
        raise bad_request(f"{where}: the conversation is empty; send at least one message.", where)
    body: JsonObject = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    if tools := tools_writer.write_tools(conversation, upstream, capabilities, notes):
        body["tools"] = tools
    declared = any(tool.kind in ("function", "custom") for tool in conversation.tools)
    kept_config = others.pop("toolConfig", {})
    if tool_config := tools_writer.write_tool_config(conversation.tool_choice, upstream, kept_config, declared):
        body["toolConfig"] = tool_config
    if config := config_writer.write(conversation, capabilities, others.pop("generationConfig", {}), notes):
        body["generationConfig"] = config
    if conversation.service_tier in _TIERS:
        body["serviceTier"] = _TIERS[conversation.service_tier]
    return {**body, **others}


def _leading_system(conversation: Conversation) -> tuple[tuple[Part, ...], tuple[Turn, ...]]:
    """All leading system text, and the turns behind it."""
    system = list(conversation.system)
    turns = conversation.turns
    while turns and turns[0].role == "system":
        system += turns[0].parts
        turns = turns[1:]
    return tuple(system), turns


def _system_parts(conversation: Conversation, system: tuple[Part, ...], notes: Notes) -> list[JsonObject]:
    parts: list[JsonObject] = []
    for index, part in enumerate(system):
        if not isinstance(part, Text):
            where = f"system[{index}]"
            raise bad_request(f"{where}: Gemini takes only text as a system instruction.", where)
        if part.text != "":
            parts.append({"text": part.text, **own(part.extra)})
    if conversation.parallel_tool_calls is False and conversation.tools:
        notes.emulated("parallel_tool_calls")
        parts.append({"text": ONE_CALL})
    return parts


def _contents(turns: tuple[Turn, ...], writer: PartWriter, native: bool, notes: Notes) -> list[JsonObject]:
    """Turns merged to alternate, from user to user, none of them empty."""
    contents: list[JsonObject] = []
    for index, turn in enumerate(repair.merge(turns)):
        parts = [
            each
            for place, part in enumerate(writer.ordered(turn.parts) if turn.role == "user" else turn.parts)
            for each in writer.parts(part, f"messages[{index}].content[{place}]")
        ]
        if not parts:
            continue
        role = _ROLES[turn.role]
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts, **own(turn.extra)})
    for content in contents:
        if content["role"] == "user":
            content["parts"].sort(key=lambda part: "functionResponse" not in part)
    if contents and not native and contents[0]["role"] == "model":
        notes.repaired("first_turn")
        contents.insert(0, {"role": "user", "parts": [{"text": FIRST_TURN}]})
    if contents and not native and contents[-1]["role"] == "model":
        notes.emulated("prefill")
        contents.append({"role": "user", "parts": [{"text": LAST_TURN}]})
    return contents


def _sign(contents: list[JsonObject], notes: Notes) -> None:
    """Give the first call of each step of the current turn the documented stand-in where its signature is lost.

    The current turn begins with the last user content that says something of its own. In place."""
    start = next(
        (
            index
            for index in range(len(contents) - 1, -1, -1)
            if contents[index]["role"] == "user"
            and not any("functionResponse" in part for part in contents[index]["parts"])
        ),
        0,
    )
    for content in contents[start:]:
        call = next((part for part in content["parts"] if "functionCall" in part), None)
        if call is not None and "thoughtSignature" not in call:
            call["thoughtSignature"] = signatures.DUMMY
            notes.emulated("thought_signature")
