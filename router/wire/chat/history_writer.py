"""Neutral turns to messages of a Chat request.

One turn may become several messages: each tool result is a `tool` message, and media of results and of assistant turns
move to the next user message, labelled, because Chat has no other place for them (`wire.md` 3.3, 3.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.wire import names
from router.wire.capabilities import Capabilities
from router.wire.chat import signatures
from router.wire.chat.part_writer import PartWriter, is_media, labelled
from router.wire.chat.tools import NameTable
from router.wire.codec import Malformed, dumps_text, loads
from router.wire.conversation import Conversation, JsonObject, Part, Refusal, Thinking, ToolCall, ToolResult, Turn
from router.wire.notes import Notes


class HistoryWriter:
    """Writes the messages of one request."""

    def __init__(
        self, conversation: Conversation, capabilities: Capabilities, table: NameTable, notes: Notes
    ) -> None:  # fmt: skip
        self._conversation = conversation
        self._native = conversation.dialect == "chat"
        self._capabilities = capabilities
        self._table = table
        self._notes = notes
        self._parts = PartWriter(conversation.dialect, capabilities, notes)
        self._messages: list[JsonObject] = []
        self._moved: list[JsonObject] = []
        looped = any(isinstance(part, ToolCall) for turn in conversation.turns for part in turn.parts)
        self._echo = capabilities.echo_reasoning and capabilities.reasoning_field != "none" and looped

    def write(self) -> list[JsonObject]:
        """All messages in order."""
        self._system()
        for turn in self._conversation.turns:
            if turn.role == "user":
                self._user(turn)
            elif turn.role == "assistant":
                self._assistant(turn)
            else:
                self._flush()
                self._system_message(turn.parts, turn.extra.get("chat", {}))
        self._flush()
        return self._messages

    def _system(self) -> None:
        """One message per leading system message of a Chat caller, one message for those of other dialects."""
        groups: list[tuple[JsonObject, list[Part]]] = []
        for part in self._conversation.system:
            own = part.extra.get("chat", {}).get("message")
            if own is not None or not groups:
                groups.append((own or {}, []))
            groups[-1][1].append(part)
        for own, parts in groups:
            self._system_message(parts, own)

    def _system_message(self, parts: Sequence[Part], own: JsonObject) -> None:
        role = own.get("role", "system")
        if role == "developer" and not self._capabilities.developer_role:
            role = "system"
        content = self._texts(parts, "\n\n")
        if content != "" or self._native:
            self._messages.append({**own, "role": role, "content": content})

    def _texts(self, parts: Sequence[Part], joint: str) -> Any:
        """Text content: a string, or for a Chat caller's arrays an array again."""
        written = [item for part in parts for item in self._parts.write(part)]
        for item in written:
            item.pop("message", None)
        return _simple(written) if self._native else _joined(written, joint)

    def _user(self, turn: Turn) -> None:
        results = [part for part in turn.parts if isinstance(part, ToolResult)]
        others = [part for part in turn.parts if not isinstance(part, ToolResult)]
        for result in results:
            self._result(result)
        if others or not results:
            written = [item for part in others for item in self._parts.write(part)]
            content = [*self._moved, *written]
            self._moved = []
            if content or self._native:
                shown = _simple(content) if self._native else _joined(content)
                self._messages.append({"role": "user", "content": shown, **turn.extra.get("chat", {})})

    def _result(self, result: ToolResult) -> None:
        call_id = names.call_id(result.call_id, "chat")
        media = [part for part in result.content if is_media(part)]
        texts = [part for part in result.content if not is_media(part)]
        written = [item for part in texts for item in self._parts.write(part)]
        content: Any = _simple(written) if self._native else _joined(written, "\n")
        if media:
            content = _joined([*written, {"type": "text", "text": "(see image below)"}], "\n")
            for part in media:
                self._moved += labelled(part, f"From the result of tool call {call_id}:", self._parts)
        if result.is_error and isinstance(content, str) and not content.lower().startswith("error"):
            content = f"Error: {content}"
        own = {key: value for key, value in result.extra.get("chat", {}).items() if key != "role"}
        self._messages.append({"role": "tool", "tool_call_id": call_id, "content": content, **own})

    def _assistant(self, turn: Turn) -> None:
        self._flush()
        message: JsonObject = {"role": "assistant", "content": None}
        texts = [
            part for part in turn.parts if not isinstance(part, Thinking | ToolCall | Refusal) and not is_media(part)
        ]
        if texts:
            written = [item for part in texts for item in self._parts.write(part)]
            message["content"] = _simple(written) if self._native else (_joined(written) or None)
        refusals = [part.text for part in turn.parts if isinstance(part, Refusal)]
        if refusals:
            message["refusal"] = "".join(refusals)
        self._thinking([part for part in turn.parts if isinstance(part, Thinking)], message)
        calls = [self._call(part) for part in turn.parts if isinstance(part, ToolCall)]
        if calls:
            message["tool_calls"] = calls
        own = turn.extra.get("chat", {})
        if message["content"] is None and not calls and not refusals and not own:
            if self._native:
                message["content"] = ""
            elif "content" in message and len(message) == 2:
                message = {}
        if message:
            self._messages.append({**message, **own})
        for part in turn.parts:
            if is_media(part):
                self._moved += labelled(part, "You made this earlier:", self._parts)

    def _thinking(self, thoughts: list[Thinking], message: JsonObject) -> None:
        """Thinking goes back only where the server demands it, and never another provider's (`wire.md` 6.3)."""
        own = [part for part in thoughts if part.opaque is None or part.opaque.dialect == "chat"]
        if not self._echo:
            own = []
        if len(own) < len(thoughts):
            self._notes.dropped("thinking")
        text = "".join(part.text for part in own)
        if text:
            message[self._capabilities.reasoning_field] = text
        if self._capabilities.reasoning_field == "reasoning":
            details = [item for part in own if part.opaque for item in _details(part.opaque.data)]
            if details:
                message["reasoning_details"] = details

    def _call(self, call: ToolCall) -> JsonObject:
        sent = self._table.upstream(call.name, call.namespace)
        head: JsonObject = {"id": names.call_id(call.call_id, "chat")}
        if call.custom and self._capabilities.custom_tools:
            head |= {"type": "custom", "custom": {"name": sent, "input": call.arguments}}
        else:
            arguments = (
                dumps_text({"input": call.arguments}) if call.custom else _arguments(call.arguments, self._native)
            )
            head |= {"type": "function", "function": {"name": sent, "arguments": arguments}}
        opaque = call.opaque
        if opaque is not None and opaque.dialect == "gemini" and self._google(opaque.model):
            head["extra_content"] = signatures.slot(opaque.data)
        return {**head, **call.extra.get("chat", {})}

    def _google(self, family: str | None) -> bool:
        """Does the target know Gemini signatures, and this one? Other servers refuse the unknown key."""
        capabilities = self._capabilities
        if family is None:
            return capabilities.needs_signature
        return family == capabilities.family

    def _flush(self) -> None:
        if self._moved:
            self._messages.append({"role": "user", "content": self._moved})
            self._moved = []


def _simple(content: list[JsonObject]) -> Any:
    """A string for nothing or one plain text part, else the array."""
    if not content:
        return ""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return content[0]["text"]
    return content


def _joined(content: list[JsonObject], joint: str = "\n\n") -> Any:
    """A string where all parts are plain text: many compatible servers take nothing else."""
    if all(item.keys() == {"type", "text"} for item in content):
        return joint.join(item["text"] for item in content)
    return content


def _arguments(arguments: str, native: bool) -> str:
    """JSON text for a server that parses it. What was cut off earlier becomes an object that holds it."""
    if native:
        return arguments
    if not arguments.strip():
        return "{}"
    try:
        loads(arguments)
    except Malformed:
        return dumps_text({"_raw": arguments})
    return arguments


def _details(data: str) -> list[Any]:
    try:
        found = loads(data)
    except Malformed:
        return []
    return found if isinstance(found, list) else []
