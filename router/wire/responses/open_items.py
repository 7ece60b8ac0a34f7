"""Output items while they are being written: a message, a reasoning item, a call. Each knows its own events.

Every ``done`` event repeats the full value, so texts are kept until their item is closed.
"""

from __future__ import annotations

from router.wire.conversation import JsonObject, Opaque
from router.wire.events import Cited, ThinkingDelta
from router.wire.responses import output_items
from router.wire.sse import typed_frame


class Numbered:
    """Makes frames with dense sequence numbers, from 0."""

    def __init__(self) -> None:
        self.next = 0

    def frame(self, kind: str, fields: JsonObject) -> bytes:
        payload = {"type": f"response.{kind}", "sequence_number": self.next, **fields}
        self.next += 1
        return typed_frame(payload)


class OpenItem:
    """An item that was added and is not done. `item` is what the finished response will hold."""

    def __init__(self, numbered: Numbered, index: int, item: JsonObject) -> None:
        self.item = item
        self._frame = numbered.frame
        self._index = index
        self._at: JsonObject = {"item_id": item["id"], "output_index": index}

    def move(self, index: int) -> None:
        """The item stands elsewhere, or has another id, in the answer that this one goes on."""
        self._index = index
        self._at = {"item_id": self.item["id"], "output_index": index}

    def begin(self) -> list[bytes]:
        """`item` is encoded at once, so later changes of it do not reach this event."""
        return [self._frame("output_item.added", {"output_index": self._index, "item": self.item})]

    def end(self, status: str | None) -> list[bytes]:
        if status is not None:
            self.item["status"] = status
        return [self._frame("output_item.done", {"output_index": self._index, "item": self.item})]


class OpenMessage(OpenItem):
    """A message: content parts one after another, each text or refusal."""

    def __init__(self, numbered: Numbered, index: int, item: JsonObject) -> None:
        super().__init__(numbered, index, item)
        self._part: JsonObject | None = None
        self._pieces: list[str] = []

    def text(self, delta: str, logprobs: list[JsonObject]) -> list[bytes]:
        frames = self._part_of("output_text")
        self._pieces.append(delta)
        if logprobs and self._part is not None:
            self._part["logprobs"].extend(logprobs)
        where = {**self._at, "content_index": len(self.item["content"]) - 1}
        frames.append(self._frame("output_text.delta", {**where, "delta": delta, "logprobs": logprobs}))
        return frames

    def refusal(self, delta: str) -> list[bytes]:
        frames = self._part_of("refusal")
        self._pieces.append(delta)
        where = {**self._at, "content_index": len(self.item["content"]) - 1}
        frames.append(self._frame("refusal.delta", {**where, "delta": delta}))
        return frames

    def cite(self, cited: Cited) -> list[bytes]:
        """A citation of the open text; where its offsets are unknown, the place where it came."""
        if self._part is None or self._part["type"] != "output_text":
            return []
        here = sum(map(len, self._pieces))
        annotation: JsonObject = {
            "type": "url_citation",
            "start_index": here if cited.start is None else cited.start,
            "end_index": here if cited.end is None else cited.end,
            "url": cited.url,
            "title": cited.title,
        }
        where = {**self._at, "content_index": len(self.item["content"]) - 1}
        number = len(self._part["annotations"])
        self._part["annotations"].append(annotation)
        fields = {**where, "annotation_index": number, "annotation": annotation}
        return [self._frame("output_text.annotation.added", fields)]

    def end_part(self) -> list[bytes]:
        part = self._part
        if part is None:
            return []
        self._part = None
        where = {**self._at, "content_index": len(self.item["content"]) - 1}
        whole = "".join(self._pieces)
        self._pieces.clear()
        if part["type"] == "refusal":
            part["refusal"] = whole
            done = self._frame("refusal.done", {**where, "refusal": whole})
        else:
            part["text"] = whole
            done = self._frame("output_text.done", {**where, "text": whole, "logprobs": part["logprobs"]})
        return [done, self._frame("content_part.done", {**where, "part": part})]

    def end(self, status: str | None) -> list[bytes]:
        return self.end_part() + super().end(status)

    def _part_of(self, kind: str) -> list[bytes]:
        if self._part is not None and self._part["type"] == kind:
            return []
        frames = self.end_part()
        self._part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        if kind == "refusal":
            self._part = {"type": "refusal", "refusal": ""}
        self.item["content"].append(self._part)
        where = {**self._at, "content_index": len(self.item["content"]) - 1}
        frames.append(self._frame("content_part.added", {**where, "part": self._part}))
        return frames


class OpenReasoning(OpenItem):
    """A reasoning item: one summary part, or one raw text, and the encrypted content."""

    def __init__(self, numbered: Numbered, index: int, item: JsonObject) -> None:
        super().__init__(numbered, index, item)
        self._pieces: list[str] = []
        self._summary: bool | None = None  # None: no text yet

    def think(self, event: ThinkingDelta) -> list[bytes]:
        frames: list[bytes] = []
        if self._summary is None:
            self._summary = event.summary
            kind = "reasoning_summary_part.added" if event.summary else "content_part.added"
            frames.append(self._frame(kind, {**self._where(), "part": self._part("")}))
        self._pieces.append(event.text)
        kind = "reasoning_summary_text.delta" if self._summary else "reasoning_text.delta"
        frames.append(self._frame(kind, {**self._where(), "delta": event.text}))
        return frames

    def keep(self, kept: Opaque, *, redacted: bool) -> None:
        self.item["encrypted_content"] = output_items.encrypted(kept, redacted=redacted)

    def end(self, status: str | None) -> list[bytes]:
        frames: list[bytes] = []
        if self._summary is not None:
            part = self._part("".join(self._pieces))
            self.item["summary" if self._summary else "content"] = [part]
            text, over = ("reasoning_summary_text.done", "reasoning_summary_part.done")
            if not self._summary:
                text, over = "reasoning_text.done", "content_part.done"
            frames.append(self._frame(text, {**self._where(), "text": part["text"]}))
            frames.append(self._frame(over, {**self._where(), "part": part}))
        return frames + super().end(status)

    def _where(self) -> JsonObject:
        return {**self._at, "summary_index" if self._summary else "content_index": 0}

    def _part(self, text: str) -> JsonObject:
        return {"type": "summary_text" if self._summary else "reasoning_text", "text": text}


class OpenCall(OpenItem):
    """A call of a function or of a free-text tool."""

    def __init__(self, numbered: Numbered, index: int, item: JsonObject) -> None:
        super().__init__(numbered, index, item)
        self._pieces: list[str] = []
        self._free = item["type"] == "custom_tool_call"
        self._events = "custom_tool_call_input" if self._free else "function_call_arguments"

    def arguments(self, delta: str) -> list[bytes]:
        self._pieces.append(delta)
        return [self._frame(f"{self._events}.delta", {**self._at, "delta": delta})]

    def end(self, status: str | None) -> list[bytes]:
        whole = "".join(self._pieces)
        frames: list[bytes] = []
        if not whole and not self._free and status == "completed":
            whole = "{}"  # a call without arguments: clients parse the text
            frames += self.arguments(whole)
        key = "input" if self._free else "arguments"
        self.item[key] = whole
        fields = {**self._at, key: whole} if self._free else {**self._at, key: whole, "name": self.item["name"]}
        frames.append(self._frame(f"{self._events}.done", fields))
        return frames + super().end(status)
