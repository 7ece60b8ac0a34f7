"""Blocks of an answer to neutral events: the state of one block, for streams and for whole messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.wire.codec import Malformed, dumps_text, loads
from router.wire.conversation import JsonObject, Opaque
from router.wire.events import (
    Cited,
    Event,
    ForeignProduced,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
)


class Block:
    """One block that is being received. `close` gives what is still owed when it is complete."""

    kind = ""

    def start(self) -> list[Event]:
        return []

    def delta(self, delta: JsonObject) -> list[Event]:
        return []

    def close(self, *, cut: bool = False) -> list[Event]:
        """`cut`: the answer ended inside this block."""
        return []


class TextBlock(Block):
    """Holds back half of a surrogate pair that was cut in two deltas, and citations that come before any text."""

    kind = "text"

    def __init__(self, block: JsonObject) -> None:
        self._block = block
        self._said = False
        self._held = ""
        self._waiting: list[Event] = []

    def start(self) -> list[Event]:
        events = self._text(self._block.get("text"))
        citations = self._block.get("citations")
        for citation in citations if isinstance(citations, list) else ():
            events.extend(self._cite(citation))
        return events

    def delta(self, delta: JsonObject) -> list[Event]:
        if delta.get("type") == "citations_delta":
            return self._cite(delta.get("citation"))
        return self._text(delta.get("text"))

    def plain(self, text: str) -> bool:
        """May `text` (whole characters) go out by itself? If so, it counts as gone."""
        if self._held or self._waiting:
            return False
        self._said = self._said or text != ""
        return True

    def close(self, *, cut: bool = False) -> list[Event]:
        rest: list[Event] = [TextDelta("\ufffd")] if self._held else []
        return [*rest, *(self._waiting if self._said or rest else ()), TextEnded()]

    def _text(self, value: Any) -> list[Event]:
        if not isinstance(value, str) or not value:
            return []
        if self._held:
            value, self._held = joined(self._held, value), ""
        if "\ud800" <= value[-1] <= "\udbff":
            value, self._held = value[:-1], value[-1]
        if not value:
            return []
        waiting, self._waiting, self._said = self._waiting, [], True
        return [TextDelta(value), *waiting]

    def _cite(self, citation: Any) -> list[Event]:
        events = cited(citation)
        if self._said:
            return events
        self._waiting.extend(events)
        return []


def joined(half: str, rest: str) -> str:
    """Two halves of a surrogate pair as the one character that they are; a lone half becomes U+FFFD."""
    whole = (half + rest).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") if rest else half
    return whole if not "\ud800" <= whole[0] <= "\udbff" else "\ufffd" + whole[1:]


class ThinkingBlock(Block):
    kind = "thinking"

    def __init__(self, block: JsonObject) -> None:
        self._text = block.get("thinking")
        signature = block.get("signature")
        self._signature = signature if isinstance(signature, str) else ""

    def start(self) -> list[Event]:
        return [ThinkingDelta(self._text)] if isinstance(self._text, str) and self._text else []

    def delta(self, delta: JsonObject) -> list[Event]:
        if delta.get("type") == "signature_delta":
            signature = delta.get("signature")
            self._signature += signature if isinstance(signature, str) else ""
            return []
        text = delta.get("thinking")
        return [ThinkingDelta(text)] if isinstance(text, str) and text else []

    def close(self, *, cut: bool = False) -> list[Event]:
        """A thinking block cut before its signature cannot be used again, and has none."""
        return [ThinkingEnded(opaque=Opaque("messages", self._signature) if self._signature else None)]


class RedactedBlock(Block):
    kind = "redacted_thinking"

    def __init__(self, block: JsonObject) -> None:
        data = block.get("data")
        self._data = data if isinstance(data, str) else ""

    def close(self, *, cut: bool = False) -> list[Event]:
        return [ThinkingEnded(opaque=Opaque("messages", self._data), redacted=True)]


class ToolBlock(Block):
    """A call. Its arguments come as deltas, or whole in the start; a call without any has ``{}``."""

    kind = "tool_use"

    def __init__(self, block: JsonObject, call_id: str) -> None:
        name = block.get("name")
        self._name = name if isinstance(name, str) else ""
        self._call_id = call_id
        given = block.get("input")
        self._given = dumps_text(given) if isinstance(given, dict) and given else "{}"
        self._parts: list[str] = []

    def start(self) -> list[Event]:
        return [ToolStarted(call_id=self._call_id, name=self._name)]

    def delta(self, delta: JsonObject) -> list[Event]:
        text = delta.get("partial_json")
        if not isinstance(text, str) or not text:
            return []
        self._parts.append(text)
        return [ToolArguments(self._call_id, text)]

    def close(self, *, cut: bool = False) -> list[Event]:
        if self._parts:
            return [] if cut and not _is_json("".join(self._parts)) else [ToolEnded(self._call_id)]
        if cut and self._given == "{}":
            return []  # nothing of its arguments came: not a call without arguments, but an unfinished one
        return [ToolArguments(self._call_id, self._given), ToolEnded(self._call_id)]


def _is_json(text: str) -> bool:
    try:
        loads(text)
    except Malformed:
        return False
    return True


class ForeignBlock(Block):
    """A block that only Anthropic knows, given whole when it is complete."""

    kind = "foreign"

    def __init__(self, block: JsonObject) -> None:
        self._block = dict(block)
        self._json: list[str] = []

    def delta(self, delta: JsonObject) -> list[Event]:
        kind = delta.get("type")
        text = delta.get("partial_json")
        if kind == "input_json_delta" and isinstance(text, str):
            self._json.append(text)
        elif kind == "compaction_delta" and isinstance(delta.get("content"), str):
            before = self._block.get("content")
            self._block["content"] = (before if isinstance(before, str) else "") + delta["content"]
        return []

    def close(self, *, cut: bool = False) -> list[Event]:
        whole = "".join(self._json)
        if whole:
            if not _is_json(whole):
                return []
            self._block["input"] = loads(whole)
        return [ForeignProduced("messages", self._block)]


_KINDS: dict[str, Callable[[JsonObject], Block]] = {
    "text": TextBlock,
    "thinking": ThinkingBlock,
    "redacted_thinking": RedactedBlock,
}


def open_block(block: JsonObject, call_id: Callable[[Any], str]) -> Block:
    """The state for one block. call_id: makes the id of a call unique, given the upstream's."""
    kind = block.get("type")
    if kind == "tool_use":
        return ToolBlock(block, call_id(block.get("id")))
    return _KINDS.get(kind if isinstance(kind, str) else "", ForeignBlock)(block)


def cited(citation: Any) -> list[Event]:
    """A citation with an address. Those of the caller's own documents have none and mean nothing elsewhere."""
    if not isinstance(citation, dict):
        return []
    url = citation.get("url") or citation.get("source")
    if not isinstance(url, str) or not url:
        return []
    title, quote = citation.get("title"), citation.get("cited_text")
    return [
        Cited(
            url=url,
            title=title if isinstance(title, str) else "",
            quote=quote if isinstance(quote, str) and quote else None,
        )
    ]
