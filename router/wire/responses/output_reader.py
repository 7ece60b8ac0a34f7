"""Output items of one response as neutral events, streamed piece by piece or given whole.

Servers differ in what they send: some stream no argument deltas, some only the finished item, and Copilot gives an item
another id in every event. So items are known by their index, what was told is counted, and ``done`` gives the rest.
"""

from __future__ import annotations

from typing import Any

from router.wire import opaque
from router.wire.conversation import Inline, JsonObject, Opaque
from router.wire.events import (
    Cited,
    Event,
    ForeignProduced,
    MediaProduced,
    RefusalDelta,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
)
from router.wire.names import made_up_call_id
from router.wire.surrogates import Halves

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Item types that are calls of the caller's tools, and the key of what the model wrote."""

HOSTED = frozenset({"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"})
"""Item types that are calls of the provider's own tools, which may be paid for each."""
_FACTS = ("type", "action", "container_id", "size", "quality")
"""What decides their price. Their results may be pictures, which nobody has to hold until the end of the answer."""


class _Item:
    """What of one item has been told."""

    __slots__ = ("call_id", "cited", "closed", "done", "halves", "kind", "phase", "sent", "started", "thought")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.call_id = ""
        self.started = False  # ToolStarted was given
        self.done = False
        self.sent: dict[int, int] = {}  # content index -> characters told (0 for calls)
        self.cited: dict[int, int] = {}
        self.closed: set[int] = set()  # content indexes whose end was told
        self.thought: str | None = None  # "summary" or "content": the first kind that came is told
        self.phase: str | None = None
        self.halves = Halves()

    def rest(self, part: int, full: Any) -> str:
        """What of the finished text `full` was not told; without it, a half character that is still held."""
        held = self.halves.rest()
        return full[self.sent.get(part, 0) :] if isinstance(full, str) else held


class OutputReader:
    """Makes events of output items. One per response; the caller sees to the lifecycle around them."""

    def __init__(self, family: str) -> None:
        self.response_id = ""
        self.called = False  # a complete call of the caller's tools was told
        self.hosted: list[JsonObject] = []  # what is to be known of calls of the provider's own tools
        self.names: dict[int, tuple[str, str]] = {}  # index -> type and id of every item that began
        self._family = family
        self._items: dict[int, _Item] = {}
        self._current: _Item | None = None

    def complete(self, index: int, item: JsonObject) -> list[Event]:
        """An item as the finished response repeats it: told if it never was, or if its end is missing."""
        state = self._items.get(index)
        if state is not None and (state.done or state.kind != item.get("type")):
            return []
        return self.done(index, item)

    def added(self, index: int, item: JsonObject) -> list[Event]:
        state = self._items[index] = _Item(str(item.get("type", "")))
        self._current = state
        self.names[index] = state.kind, str(item.get("id", ""))
        phase = item.get("phase")
        state.phase = phase if isinstance(phase, str) else None
        return self._start_call(index, state, item) if state.kind in CALLS else []

    def text(self, index: int, part: int, delta: str, logprobs: Any = None) -> list[Event]:
        state = self._at(index, "message")
        text = state.halves.join(delta)
        state.sent[part] = state.sent.get(part, 0) + len(text)
        if not text and not logprobs:
            return []
        return [TextDelta(text, logprobs={"content": logprobs} if logprobs else None)]

    def refusal(self, index: int, part: int, delta: str) -> list[Event]:
        state = self._at(index, "message")
        text = state.halves.join(delta)
        state.sent[part] = state.sent.get(part, 0) + len(text)
        return [RefusalDelta(text)] if text else []

    def text_rest(self, index: int, part: int, full: Any, *, refusal: bool = False) -> list[Event]:
        """What of a finished text was not streamed."""
        state = self._at(index, "message")
        rest = state.rest(part, full)
        tell = self.refusal if refusal else self.text
        return tell(index, part, rest) if rest else []

    def part_done(self, index: int, number: int, part: Any) -> list[Event]:
        """A content part is complete: its rest, its citations, its end. Told once."""
        known = self._items.get(index)
        if known is not None and known.kind != "message":
            return []  # raw reasoning has content parts too
        state = self._at(index, "message")
        if number in state.closed or not isinstance(part, dict):
            return []
        kind = part.get("type")
        if kind == "refusal":
            state.closed.add(number)
            return self.text_rest(index, number, part.get("refusal"), refusal=True)
        if kind != "output_text":
            return []
        state.closed.add(number)
        untold = number not in state.sent
        logprobs = part.get("logprobs")
        if untold and logprobs:
            events = self.text(index, number, str(part.get("text", "")), logprobs)
        else:
            events = self.text_rest(index, number, part.get("text"))
        annotations = part.get("annotations")
        for annotation in (annotations if isinstance(annotations, list) else [])[state.cited.get(number, 0) :]:
            events += self.cited(index, number, annotation)
        extra = {"responses": {"phase": state.phase}} if state.phase is not None else {}
        return [*events, TextEnded(extra=extra)] if state.sent.get(number) or events else []

    def cited(self, index: int, part: int, annotation: Any) -> list[Event]:
        state = self._at(index, "message")
        state.cited[part] = state.cited.get(part, 0) + 1
        if not isinstance(annotation, dict) or annotation.get("type") != "url_citation":
            return []  # file citations point into the provider's own storage
        start, end = annotation.get("start_index"), annotation.get("end_index")
        return [
            Cited(
                url=str(annotation.get("url") or ""),
                title=str(annotation.get("title") or ""),
                start=start if isinstance(start, int) else None,
                end=end if isinstance(end, int) else None,
            )
        ]

    def thought(self, index: int, source: str, delta: str) -> list[Event]:
        """source: ``summary`` or ``content``. An item that has both is told by the first that comes."""
        state = self._at(index, "reasoning")
        if state.thought is None:
            state.thought = source
        if state.thought != source:
            return []
        text = state.halves.join(delta)
        state.sent[0] = state.sent.get(0, 0) + len(text)
        return [ThinkingDelta(text, summary=source == "summary")] if text else []

    def next_thought(self, index: int, number: int) -> list[Event]:
        """Another summary part begins: they are paragraphs of one text."""
        return self.thought(index, "summary", "\n\n") if number > 0 and self._at(index, "reasoning").sent else []

    def arguments(self, index: int, delta: str) -> list[Event]:
        state = self._items.get(index)
        if state is None or not state.started:
            return []  # no name yet: the finished item has it all
        text = state.halves.join(delta)
        state.sent[0] = state.sent.get(0, 0) + len(text)
        return [ToolArguments(state.call_id, text)] if text else []

    def arguments_rest(self, index: int, full: Any) -> list[Event]:
        state = self._items.get(index)
        if state is None or not state.started:
            return []
        rest = state.rest(0, full)
        return self.arguments(index, rest) if rest else []

    def done(self, index: int, item: JsonObject) -> list[Event]:
        """An item is complete: everything that was not told yet, and its end."""
        kind = str(item.get("type", ""))
        state = self._items.get(index)
        events: list[Event] = []
        if state is None or state.kind != kind:
            events = self.added(index, item)
            state = self._items[index]
        if state.done:
            return events
        state.done = True
        if kind in HOSTED:
            facts = {name: item[name] for name in _FACTS if name in item}
            self.hosted.append({**facts, "result": bool(item.get("result"))})
        if kind == "message":
            content = item.get("content")
            for number, part in enumerate(content if isinstance(content, list) else []):
                events += self.part_done(index, number, part)
        elif kind == "reasoning":
            events += self._reasoning_done(index, state, item)
        elif kind in CALLS:
            events += self._call_done(index, state, item)
        elif kind == "image_generation_call" and isinstance(item.get("result"), str):
            form = item.get("output_format")
            media_type = f"image/{form}" if form in ("png", "jpeg", "webp") else "image/png"
            events.append(MediaProduced("image", Inline(media_type, item["result"])))
        elif kind:
            events.append(ForeignProduced("responses", item))
        return events

    def _call_done(self, index: int, state: _Item, item: JsonObject) -> list[Event]:
        events = [] if state.started else self._start_call(index, state, item)
        events += self.arguments_rest(index, item.get(CALLS[state.kind]))
        if item.get("status") == "incomplete":
            return events  # cut by the length limit: never presented as a finished call
        self.called = True
        return [*events, ToolEnded(state.call_id)]

    def _reasoning_done(self, index: int, state: _Item, item: JsonObject) -> list[Event]:
        events: list[Event] = []
        if not state.sent:
            summary, content = item.get("summary"), item.get("content")
            source, parts = ("summary", summary) if summary else ("content", content)
            texts = [str(part.get("text", "")) for part in parts or [] if isinstance(part, dict)]
            events = self.thought(index, source, "\n\n".join(texts)) if texts else []
        encrypted = item.get("encrypted_content")
        kept: Opaque | None = None
        if isinstance(encrypted, str) and encrypted:
            own_id = item.get("id")
            kept = Opaque("responses", encrypted, id=own_id if isinstance(own_id, str) else None)
            kept = opaque.stamped(kept, self._family)
        if kept is None and (not state.sent or self._current is not state):
            return events  # nothing to keep, or long since followed by other content (OpenRouter)
        return [*events, ThinkingEnded(kept)]

    def _start_call(self, index: int, state: _Item, item: JsonObject) -> list[Event]:
        name = item.get("name")
        if not isinstance(name, str) or not name:
            return []
        call_id, namespace = item.get("call_id"), item.get("namespace")
        usable = isinstance(call_id, str) and call_id
        state.call_id = str(call_id) if usable else made_up_call_id(self.response_id, index)
        state.started = True
        return [
            ToolStarted(
                state.call_id,
                name,
                custom=state.kind == "custom_tool_call",
                namespace=namespace if isinstance(namespace, str) and namespace else None,
            )
        ]

    def _at(self, index: int, kind: str) -> _Item:
        state = self._items.get(index)
        if state is None:
            state = self._items[index] = _Item(kind)
        self._current = state
        return state
