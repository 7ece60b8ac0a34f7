"""Input items to turns: one turn per item (`wire.md` 3, 6.3)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from router.faults import bad_request
from router.wire import opaque
from router.wire.conversation import Foreign, Json, JsonObject, Role, Thinking, ToolCall, ToolResult, Turn
from router.wire.responses.content_reader import read_content
from router.wire.responses.output_items import REDACTED
from router.wire.responses.typed import as_object, at, required_text, sequence, text, wrong

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}

MEANINGLESS = frozenset({"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"})
"""Items of another provider's own tools whose outcome the following message tells: others may leave them out."""

CLIENT_SEARCH = frozenset({"tool_search_call", "tool_search_output"})
"""How a client loads deferred tools. The tools themselves are read as declared, so the items may be left out."""


def read_items(items: Json, where: str) -> tuple[Turn, ...]:
    """Turns of the input list, in order; `additional_tools` items are not turns (see `tools_reader`)."""
    if isinstance(items, str):
        return (Turn("user", read_content(items, where)),)
    if not isinstance(items, list):
        raise wrong(where, "a string or a list of items", items)
    turns: list[Turn] = []
    for number, value in enumerate(items):
        path = f"{where}[{number}]"
        item = as_object(value, path)
        kind = _kind(item, path)
        if kind == "additional_tools":
            continue
        reader = _READERS.get(kind)
        turns.append(reader(item, path) if reader is not None else _foreign(item, path, kind))
    return _with_signatures(turns)


def _kind(item: JsonObject, where: str) -> str:
    """The item's type; messages and references may leave it out."""
    kind = text(item, "type", where)
    if kind is not None:
        return kind
    if "role" in item:
        return "message"
    if "id" in item:
        return "item_reference"
    raise bad_request(f"{at(where, 'type')} is missing.", at(where, "type"))


def _rest(item: JsonObject, *known: str) -> JsonObject:
    return {key: value for key, value in item.items() if key not in known and key != "type" and value is not None}


def _message(item: JsonObject, where: str) -> Turn:
    said = required_text(item, "role", where)
    role = ROLES.get(said)
    if role is None:
        raise bad_request(
            f"{at(where, 'role')} must be user, assistant, system or developer, not {said!r}.", at(where, "role")
        )
    own = _rest(item, "role", "content")
    if role == "system":
        own["role"] = said
    if isinstance(item.get("content"), str):
        own["plain"] = True
    if "type" not in item:
        own["typeless"] = True
    if "content" not in item:
        raise bad_request(f"{at(where, 'content')} is missing; it must be a string or a list.", at(where, "content"))
    parts = read_content(item["content"], at(where, "content"))
    return Turn(role, parts, {"responses": own} if own else {})


def _call(item: JsonObject, where: str, *, custom: bool) -> Turn:
    key = "input" if custom else "arguments"
    own = _rest(item, "call_id", "name", key, "namespace")
    call = ToolCall(
        call_id=required_text(item, "call_id", where),
        name=required_text(item, "name", where),
        arguments=text(item, key, where) or "",
        custom=custom,
        namespace=text(item, "namespace", where),
        extra={"responses": own} if own else {},
    )
    return Turn("assistant", (call,))


def _function_call(item: JsonObject, where: str) -> Turn:
    return _call(item, where, custom=False)


def _custom_call(item: JsonObject, where: str) -> Turn:
    return _call(item, where, custom=True)


def _result(item: JsonObject, where: str, *, custom: bool) -> Turn:
    own = _rest(item, "call_id", "output")
    output = item.get("output")
    if isinstance(output, list):
        own["listed"] = True
    content = read_content("" if output is None else output, at(where, "output"))
    result = ToolResult(
        required_text(item, "call_id", where), content, custom=custom, extra={"responses": own} if own else {}
    )
    return Turn("user", (result,))


def _function_result(item: JsonObject, where: str) -> Turn:
    return _result(item, where, custom=False)


def _custom_result(item: JsonObject, where: str) -> Turn:
    return _result(item, where, custom=True)


def _reasoning(item: JsonObject, where: str) -> Turn:
    summary = _texts(item, "summary", where)
    content = _texts(item, "content", where)
    encrypted = text(item, "encrypted_content", where)
    identity = text(item, "id", where)
    kept = opaque.unwrap(encrypted, "responses", identity) if encrypted else None
    redacted = kept is not None and kept.dialect == "messages" and kept.id == REDACTED
    if redacted and kept is not None:
        kept = msgspec.structs.replace(kept, id=None)
    thinking = Thinking(
        "\n\n".join(summary if summary else content),
        opaque=kept,
        redacted=redacted,
        summary=bool(summary) or not content,
        extra={"responses": _rest(item, "encrypted_content")},
    )
    return Turn("assistant", (thinking,))


def _texts(item: JsonObject, key: str, where: str) -> list[str]:
    parts = sequence(item, key, where) or []
    path = at(where, key)
    return [
        required_text(as_object(part, f"{path}[{number}]"), "text", f"{path}[{number}]")
        for number, part in enumerate(parts)
    ]


def _foreign(item: JsonObject, where: str, kind: str) -> Turn:
    role: Role = "user" if kind.endswith(("_output", "_response")) or kind == "item_reference" else "assistant"
    meaningful = kind not in MEANINGLESS and kind not in CLIENT_SEARCH
    return Turn(role, (Foreign("responses", item, meaningful=meaningful, where=where),))


def _with_signatures(turns: list[Turn]) -> tuple[Turn, ...]:
    """A signature that our stream writer put before a call goes back onto the call (Gemini)."""
    out: list[Turn] = []
    for turn in turns:
        part = turn.parts[0] if len(turn.parts) == 1 else None
        before = out[-1].parts[0] if out and len(out[-1].parts) == 1 else None
        if isinstance(part, ToolCall) and isinstance(before, Thinking):
            kept = before.opaque
            if kept is not None and kept.dialect != "responses" and kept.id == part.call_id and not before.text:
                signed = msgspec.structs.replace(part, opaque=msgspec.structs.replace(kept, id=None))
                out[-1] = msgspec.structs.replace(turn, parts=(signed,))
                continue
        out.append(turn)
    return tuple(out)


_READERS: dict[str, Callable[[JsonObject, str], Turn]] = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _function_result,
    "custom_tool_call": _custom_call,
    "custom_tool_call_output": _custom_result,
    "reasoning": _reasoning,
}
