"""Messages of a Chat request: wire to neutral turns, one turn per message.

Leading system and developer messages become the conversation's system text. The first part of each carries the
message's own keys (role, name) under ``extra["chat"]["message"]``, which is how the writer finds the boundaries again.
Normalised: an array of one plain text part reads as a string, nulls as absent keys, `function_call` as `tool_calls`, an
empty assistant text beside calls as none; echoed `annotations` and call `index` are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from router.faults import bad_request
from router.wire import names
from router.wire.chat import signatures
from router.wire.chat.extras import kept
from router.wire.chat.parts import read_content, read_part
from router.wire.checked import check, optional, required, rest
from router.wire.codec import dumps_text
from router.wire.conversation import JsonObject, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult, Turn

REASONING_FIELDS = ("reasoning_content", "reasoning")
# `annotations` stands in answers only: clients echo it, and servers such as Groq refuse it.
_ASSISTANT_KEYS = frozenset(
    ("role", "content", "refusal", "tool_calls", "function_call", "reasoning_details", "images", "annotations")
)


def read_messages(messages: list[Any]) -> tuple[tuple[Part, ...], tuple[Turn, ...]]:
    """The leading system parts and the turns. Raises a 400 that names the message."""
    system: list[Part] = []
    turns: list[Turn] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        check(message, "an object", path)
        role = message.get("role")
        reader = _READERS.get(role) if isinstance(role, str) else None
        if reader is None:
            raise bad_request(f'{path}.role: unknown role "{role}"; known are {", ".join(_READERS)}.', f"{path}.role")
        turn = reader(message, path, turns)
        if turn.role == "system" and not turns:
            system.extend(_leading(turn))
        else:
            turns.append(turn)
    return tuple(system), tuple(turns)


def _leading(turn: Turn) -> tuple[Part, ...]:
    first, *others = turn.parts or (Text(""),)
    own = {"message": dict(turn.extra["chat"]), **first.extra.get("chat", {})}
    return (msgspec.structs.replace(first, extra={"chat": own}), *others)


def _system(message: JsonObject, path: str, _: list[Turn]) -> Turn:
    parts = read_content(message.get("content"), f"{path}.content")
    for index, part in enumerate(parts):
        if not isinstance(part, Text):
            raise bad_request(f"{path}.content[{index}]: system messages hold text only.", f"{path}.content[{index}]")
    return Turn("system", parts, extra={"chat": rest(message, ("content",))})


def _user(message: JsonObject, path: str, _: list[Turn]) -> Turn:
    parts = read_content(message.get("content"), f"{path}.content")
    return Turn("user", parts, extra=kept(rest(message, ("role", "content"))))


def _assistant(message: JsonObject, path: str, turns: list[Turn]) -> Turn:
    parts: list[Part] = []
    thinking = _thinking(message, path)
    if thinking is not None:
        parts.append(thinking)
    content = message.get("content")
    if content is not None:
        parts.extend(part for part in read_content(content, f"{path}.content") if part != Text(""))
    refusal = optional(message, "refusal", "a string", path)
    if refusal:
        parts.append(Refusal(refusal))
    calls = _calls(message, path, len(turns))
    parts.extend(_images(message, path))
    others = {
        key: value for key, value in rest(message, (*_ASSISTANT_KEYS, *REASONING_FIELDS)).items() if value is not None
    }
    parts, others = signatures.placed(parts, calls, others)
    return Turn("assistant", tuple(parts), extra=kept(others))


def _thinking(message: JsonObject, path: str) -> Thinking | None:
    details = optional(message, "reasoning_details", "an array", path)
    opaque = Opaque(dialect="chat", data=dumps_text(details)) if details else None
    for field in REASONING_FIELDS:
        text = optional(message, field, "a string", path)
        if text:
            return Thinking(text, opaque=opaque, summary=False, extra={"chat": {"field": field}})
    return Thinking("", opaque=opaque, summary=False) if opaque else None


def _images(message: JsonObject, path: str) -> list[Part]:
    """OpenRouter's place for pictures that the model made."""
    listed = optional(message, "images", "an array", path) or []
    return [read_part(item, f"{path}.images[{index}]") for index, item in enumerate(listed)]


def _calls(message: JsonObject, path: str, position: int) -> list[ToolCall]:
    listed = optional(message, "tool_calls", "an array", path) or []
    calls = [_call(item, f"{path}.tool_calls[{index}]", position) for index, item in enumerate(listed)]
    legacy = optional(message, "function_call", "an object", path)
    if legacy is not None:
        name, arguments = _function(legacy, f"{path}.function_call")
        calls.append(ToolCall(names.made_up_call_id(f"function_call/{name}", position), name, arguments))
    return calls


def _call(item: Any, path: str, position: int) -> ToolCall:
    check(item, "an object", path)
    custom = item.get("type") == "custom" or ("custom" in item and "function" not in item)
    key = "custom" if custom else "function"
    inner = required(item, key, "an object", path)
    if custom:
        name = required(inner, "name", "a string", f"{path}.custom")
        arguments = optional(inner, "input", "a string", f"{path}.custom") or ""
    else:
        name, arguments = _function(inner, f"{path}.function")
    call_id = optional(item, "id", "a string", path)
    if not call_id:  # servers without ids have clients without ids: pair by position
        call_id = names.made_up_call_id(f"{position}", int(path[path.rindex("[") + 1 : -1]))
    others = rest(item, ("id", "type", "index", key))
    opaque, others = signatures.taken(others)
    return ToolCall(call_id, name, arguments, custom=custom, opaque=opaque, extra=kept(others))


def _function(inner: JsonObject, path: str) -> tuple[str, str]:
    arguments = inner.get("arguments")
    if isinstance(arguments, dict):  # some clients send the object itself
        arguments = dumps_text(arguments)
    elif arguments is not None:
        check(arguments, "a string", f"{path}.arguments")
    return required(inner, "name", "a string", path), arguments or ""


def _tool(message: JsonObject, path: str, turns: list[Turn]) -> Turn:
    content = message.get("content")
    parts = () if content is None else read_content(content, f"{path}.content")
    name = optional(message, "name", "a string", path)
    call_id = optional(message, "tool_call_id", "a string", path) or _waiting(turns, name)
    if call_id is None:
        raise bad_request(
            f"{path}.tool_call_id is missing; a tool message must name the call that it answers.",
            f"{path}.tool_call_id",
        )
    call = _found(turns, call_id)
    result = ToolResult(
        call_id,
        parts,
        name=name or (call.name if call else None),
        custom=call.custom if call else False,
        extra=kept(rest(message, ("role", "content", "tool_call_id"))),
    )
    return Turn("user", (result,))


def _function_message(message: JsonObject, path: str, turns: list[Turn]) -> Turn:
    required(message, "name", "a string", path)
    return _tool({key: value for key, value in message.items() if key != "tool_call_id"}, path, turns)


def _open_calls(turns: list[Turn]) -> list[ToolCall]:
    """The calls of the last assistant turn that have no result yet."""
    answered: set[str] = set()
    for turn in reversed(turns):
        if turn.role == "assistant":
            calls = [part for part in turn.parts if isinstance(part, ToolCall)]
            return [call for call in calls if call.call_id not in answered]
        answered.update(part.call_id for part in turn.parts if isinstance(part, ToolResult))
    return []


def _waiting(turns: list[Turn], name: str | None) -> str | None:
    """The call that a result without an id answers: the first open one, of this name if it has one."""
    for call in _open_calls(turns):
        if name is None or call.name == name:
            return call.call_id
    return None


def _found(turns: list[Turn], call_id: str) -> ToolCall | None:
    return next((call for call in _open_calls(turns) if call.call_id == call_id), None)


_READERS: dict[str, Callable[[JsonObject, str, list[Turn]], Turn]] = {
    "system": _system,
    "developer": _system,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
    "function": _function_message,
}
