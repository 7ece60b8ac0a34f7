"""Turns to input items: messages, calls, outputs, reasoning, in the order of the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.wire import names as wire_names
from router.wire import opaque
from router.wire.capabilities import Capabilities
from router.wire.codec import dumps_text
from router.wire.conversation import (
    Conversation,
    Foreign,
    Image,
    JsonObject,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from router.wire.item_ids import is_own
from router.wire.notes import Notes
from router.wire.responses.content_writer import write_part
from router.wire.responses.tools_writer import ToolNames

_MARKS = frozenset({"plain", "typeless", "listed", "role", "message"})
"""Keys under which the reader remembers a form; they are not the API's."""


class ItemsWriter:
    """Writes the turns of one request."""

    def __init__(self, conversation: Conversation, capabilities: Capabilities, names: ToolNames, notes: Notes) -> None:
        self.items: list[JsonObject] = []
        self.body: JsonObject = {}  # stateful top-level keys that the reader had put among the turns
        self._native = conversation.dialect == "responses"
        self._store = conversation.store is True or (self._native and conversation.store is None)
        self._capabilities = capabilities
        self._names = names
        self._notes = notes
        self._system_role = "developer" if capabilities.developer_role else "system"
        self._content: list[JsonObject] = []

    def write(self, turns: tuple[Turn, ...]) -> list[JsonObject]:
        for number, turn in enumerate(turns):
            self._turn(turn, f"turns[{number}]")
        self.items = _without_lone_reasoning(self.items, self._notes)
        return self.items

    def message(self, role: str, parts: tuple[Part, ...], own: JsonObject, where: str) -> None:
        """A message item. own: what the reader remembered of it."""
        written = [
            made
            for number, part in enumerate(parts)
            if (made := write_part(part, f"{where}.parts[{number}]", role, self._capabilities, self._notes)) is not None
        ]
        if not written:
            return
        if role == "assistant" and not self._native:
            written = [{**c, "annotations": []} if c["type"] == "output_text" else c for c in written]
        content: Any = written
        if own.get("plain") and len(written) == 1 and set(written[0]) == {"type", "text"}:
            content = written[0]["text"]
        said = role if role != "system" else own.get("role", self._system_role)
        item: JsonObject = {} if own.get("typeless") else {"type": "message"}
        self.items.append({**item, **self._kept(own), "role": said, "content": content})

    def _turn(self, turn: Turn, where: str) -> None:
        waiting: list[Part] = []
        pictures: list[Part] = []
        own = turn.extra.get("responses", {})

        def flush() -> None:
            if waiting:
                self.message(turn.role, tuple(waiting), own, where)
                waiting.clear()

        for part in turn.parts:
            writer = _ITEMS.get(type(part))
            if isinstance(part, Image) and turn.role == "assistant":
                pictures.append(part)  # no place in an assistant message
            elif writer is None or (isinstance(part, Foreign) and not self._is_item(part)):
                waiting.append(part)
            else:
                flush()
                writer(self, part, where)
        flush()
        if pictures:
            self._notes.changed("assistant_images")
            self.message("user", (Text("(pictures that the assistant made)"), *pictures), {}, where)

    def _is_item(self, part: Foreign) -> bool:
        return part.dialect == "responses" and part.extra.get("responses", {}).get("level") != "content"

    def _foreign(self, part: Foreign, where: str) -> None:
        if part.extra.get("responses", {}).get("level") == "body":
            self.body.update(part.raw)
        else:
            self.items.append(part.raw)

    def _call(self, part: ToolCall, where: str) -> None:
        free = self._names.free(part.custom)
        arguments = part.arguments
        if part.custom and not free:
            arguments = dumps_text({"input": arguments})
        item: JsonObject = {
            "type": "custom_tool_call" if free else "function_call",
            **self._kept(part.extra.get("responses", {})),
            "call_id": wire_names.call_id(part.call_id, "responses"),
            "name": self._names.of(part.name, part.namespace),
        }
        if part.namespace is not None:
            item["namespace"] = part.namespace
        self.items.append({**item, "input" if free else "arguments": arguments})

    def _result(self, part: ToolResult, where: str) -> None:
        own = part.extra.get("responses", {})
        texts = [p.text for p in part.content if isinstance(p, Text)]
        content = part.content
        if part.is_error and not (texts and texts[0].lower().startswith("error")):
            content = (Text("Error: " + (texts[0] if texts else "")), *(content[1:] if texts else content))
        output: Any
        if not own.get("listed") and len(content) <= 1 and all(isinstance(p, Text) for p in content):
            output = content[0].text if content and isinstance(content[0], Text) else ""
        else:
            place = f"{where}.result"
            parts = [write_part(p, place, "user", self._capabilities, self._notes) for p in content]
            output = [p for p in parts if p is not None]
        item: JsonObject = {
            "type": "custom_tool_call_output" if self._names.free(part.custom) else "function_call_output",
            **self._kept(own),
            "call_id": wire_names.call_id(part.call_id, "responses"),
        }
        self.items.append({**item, "output": output})

    def _thinking(self, part: Thinking, where: str) -> None:
        own = self._kept(part.extra.get("responses", {}))
        summary = [{"type": "summary_text", "text": part.text}] if part.summary and part.text else []
        item: JsonObject = {"type": "reasoning", "summary": summary, **own}
        kept = part.opaque
        if kept is not None and opaque.fits(kept, "responses", self._capabilities.family):
            if kept.id is not None and kept.id.startswith("rs") and not is_own(kept.id):
                item["id"] = kept.id
            self.items.append({**item, "encrypted_content": kept.data})
        elif kept is None and self._native and (own.get("content") or (self._store and "id" in own)):
            self.items.append(item)  # the server knows the id, or reads raw reasoning
        else:
            self._notes.dropped("thinking")

    def _kept(self, own: JsonObject) -> JsonObject:
        """What the caller said of an item, without our marks and without ids that we made up."""
        return {
            key: value
            for key, value in own.items()
            if key not in _MARKS and not (key == "id" and isinstance(value, str) and is_own(value))
        }


def _without_lone_reasoning(items: list[JsonObject], notes: Notes) -> list[JsonObject]:
    """A reasoning item that no output item follows is a 400 ("without its required following item")."""
    kept: list[JsonObject] = []
    followed = False
    for item in reversed(items):
        kind = item.get("type", "message")
        if kind == "reasoning" and not followed:
            notes.dropped("thinking")
            continue
        if kind == "message":
            followed = item.get("role") == "assistant"
        elif kind != "reasoning":
            followed = not str(kind).endswith("_output")
        kept.append(item)
    return kept[::-1]


_ITEMS: dict[type, Callable[[ItemsWriter, Any, str], None]] = {
    ToolCall: ItemsWriter._call,
    ToolResult: ItemsWriter._result,
    Thinking: ItemsWriter._thinking,
    Foreign: ItemsWriter._foreign,
}
