"""Neutral events to a Messages stream (`wire.md` 9.3, 9.5): one block open at a time, indexes without gaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.faults import Fault
from router.wire.codec import dumps, dumps_text
from router.wire.conversation import JsonObject, Opaque
from router.wire.dialect import ReplyContext
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    ForeignProduced,
    MediaProduced,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.messages import count_tokens, signatures
from router.wire.messages.citations import citation
from router.wire.messages.faults import stream_failure
from router.wire.messages.finish import stop_fields
from router.wire.messages.pictures import described
from router.wire.messages.usage import write_full_usage, write_usage
from router.wire.sse import typed_frame

_TEXT_HEAD = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":'
)


class _Block:
    """A block that is open, or waits until the one before it is complete."""

    def __init__(self, kind: str, start: JsonObject, call_id: str = "", custom: bool = False) -> None:
        self.kind = kind
        self.start = start
        self.call_id = call_id
        self.custom: list[str] | None = [] if custom else None
        self.deltas: list[JsonObject] = []
        self.ended = False


class StreamWriter:
    """See `wire.dialect.StreamWriter`. While a call is open, everything that is not its arguments waits behind it."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._index = -1
        self._started = False
        self._open: _Block | None = None
        self._queue: list[_Block] = []
        self._usage: Usage | None = None
        self._finish = Finished("end")
        self._closed = False
        self._characters = 0
        self._plain_text = b""  # head of a text delta's frame, while a text block is open and nothing waits
        self._handlers: Mapping[type, Callable[[Any], list[bytes]]] = {
            Started: lambda event: self._start(),
            TextDelta: self._text,
            RefusalDelta: self._text,
            TextEnded: lambda event: self._end("text"),
            Cited: self._cited,
            ThinkingDelta: self._thinking,
            ThinkingEnded: self._thinking_ended,
            ToolStarted: self._tool,
            ToolArguments: self._arguments,
            ToolEnded: self._tool_ended,
            MediaProduced: self._media,
            ForeignProduced: self._foreign,
            UsageReported: self._reported,
            Finished: self._finished,
            Failed: lambda event: self.fail(event.fault),
            Ended: lambda event: self._end_all(),
        }

    def feed(self, event: Event) -> list[bytes]:
        if type(event) is TextDelta and self._plain_text and event.text and event.choice == 0:
            self._characters += len(event.text)
            return [self._plain_text + dumps(event.text) + b"}}\n\n"]  # nine events of ten
        if self._closed or getattr(event, "choice", 0) != 0:  # this dialect has one answer
            return []
        return self._handlers[type(event)](event)

    def fail(self, fault: Fault) -> list[bytes]:
        self._closed = True
        self._plain_text = b""
        return stream_failure(fault)

    def take_over(self, index: int, *, in_text: bool) -> bool:
        """Go on behind block `index` of an upstream. in_text: it is text, and open, perhaps without a word so far.
        False where the blocks are not the same."""
        if in_text and index == self._index + 1:
            self._ensure("text", {"type": "text", "text": ""})
        return index == self._index

    def _start(self) -> list[bytes]:
        if self._started:
            return []
        self._started = True
        estimate = Usage(input=count_tokens.estimate(self._context.request), estimated=True)
        message: JsonObject = {
            "id": self._context.response_id,
            "type": "message",
            "role": "assistant",
            "model": self._context.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_full_usage(estimate),
        }
        return [typed_frame({"type": "message_start", "message": message})]

    def _text(self, event: TextDelta | RefusalDelta) -> list[bytes]:
        if not event.text:
            return []
        kind = "refusal" if isinstance(event, RefusalDelta) else "text"  # both are text blocks, but not one
        out = self._ensure(kind, {"type": "text", "text": ""})
        return out + self._put(kind, {"type": "text_delta", "text": event.text}, len(event.text))

    def _cited(self, event: Cited) -> list[bytes]:
        """A citation belongs to the text block that is open; where none is, it has no place."""
        block = self._tail()
        if block is None or block.kind != "text" or block.ended:
            return []
        return self._put("text", {"type": "citations_delta", "citation": citation(event)}, 0)

    def _thinking(self, event: ThinkingDelta) -> list[bytes]:
        if not event.text:
            return []
        out = self._ensure("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        return out + self._put("thinking", {"type": "thinking_delta", "thinking": event.text}, len(event.text))

    def _thinking_ended(self, event: ThinkingEnded) -> list[bytes]:
        if event.redacted and event.opaque is not None and event.opaque.dialect == "messages":
            return self._whole(signatures.thinking_block("", event.opaque, True))
        out = self._ensure("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        return out + self._sign(event.opaque)

    def _sign(self, opaque: Opaque | None) -> list[bytes]:
        signed = {"type": "signature_delta", "signature": signatures.signature(opaque)}
        return self._put("thinking", signed, 0) + self._end("thinking")

    def _tool(self, event: ToolStarted) -> list[bytes]:
        carrier = signatures.call_signature(event.opaque, event.call_id, self._context.request)
        out = self._whole(carrier) if carrier is not None else []
        start = {"type": "tool_use", "id": event.call_id, "name": event.name, "input": {}}
        return out + self._open_new(_Block("tool_use", start, event.call_id, event.custom))

    def _arguments(self, event: ToolArguments) -> list[bytes]:
        block = self._call(event.call_id)
        if block is None or block.ended or not event.text:
            return []
        if block.custom is not None:
            block.custom.append(event.text)
            return []
        delta = {"type": "input_json_delta", "partial_json": event.text}
        return self._deliver(block, delta, len(event.text))

    def _tool_ended(self, event: ToolEnded) -> list[bytes]:
        block = self._call(event.call_id)
        return self._complete(block) if block is not None and not block.ended else []

    def _media(self, event: MediaProduced) -> list[bytes]:
        return self._text(TextDelta(described(event)))

    def _foreign(self, event: ForeignProduced) -> list[bytes]:
        return self._whole(event.raw) if event.dialect == "messages" else []

    def _reported(self, event: UsageReported) -> list[bytes]:
        self._usage = event.usage
        return []

    def _finished(self, event: Finished) -> list[bytes]:
        self._finish = event
        return self._start() + self._close_blocks()

    def _end_all(self) -> list[bytes]:
        out = self._start() + self._close_blocks()
        self._closed = True
        usage = self._usage
        if usage is None:  # never zero: clients decide by these figures when to compact
            output = count_tokens.estimate_text(self._characters)
            usage = Usage(input=count_tokens.estimate(self._context.request), output=output, estimated=True)
        delta = {
            "type": "message_delta",
            "delta": stop_fields(self._finish.reason, self._finish.stop_sequence),
            "usage": write_usage(usage),
        }
        return [*out, typed_frame(delta), typed_frame({"type": "message_stop"})]

    def _tail(self) -> _Block | None:
        """The newest block: where content that belongs to no call goes."""
        return self._queue[-1] if self._queue else self._open

    def _call(self, call_id: str) -> _Block | None:
        blocks = [*([self._open] if self._open is not None else []), *self._queue]
        return next((block for block in blocks if block.kind == "tool_use" and block.call_id == call_id), None)

    def _ensure(self, kind: str, start: JsonObject) -> list[bytes]:
        """A block of `kind` at the tail: the one that is there, or a new one."""
        tail = self._tail()
        if tail is not None and tail.kind == kind and not tail.ended:
            return []
        return self._open_new(_Block(kind, start))

    def _open_new(self, block: _Block) -> list[bytes]:
        out = self._start()
        tail = self._tail()
        if tail is not None and tail.kind != "tool_use" and not tail.ended:
            out += self._sign(None) if tail.kind == "thinking" else self._complete(tail)
        if self._open is not None:
            self._queue.append(block)
            return out
        return out + self._begin(block)

    def _begin(self, block: _Block) -> list[bytes]:
        self._open = block
        self._index += 1
        if block.kind == "text" and not self._queue:
            self._plain_text = _TEXT_HEAD % self._index
        started = {"type": "content_block_start", "index": self._index, "content_block": block.start}
        out = [typed_frame(started)]
        out.extend(self._delta(delta) for delta in block.deltas)
        block.deltas = []
        return out

    def _put(self, kind: str, delta: JsonObject, characters: int) -> list[bytes]:
        block = self._tail()
        return self._deliver(block, delta, characters) if block is not None and block.kind == kind else []

    def _deliver(self, block: _Block, delta: JsonObject, characters: int) -> list[bytes]:
        self._characters += characters
        if block is self._open:
            return [self._delta(delta)]
        block.deltas.append(delta)
        return []

    def _delta(self, delta: JsonObject) -> bytes:
        return typed_frame({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _end(self, kind: str) -> list[bytes]:
        block = self._tail()
        if block is None or block.kind != kind or block.ended:
            return []
        return self._complete(block)

    def _complete(self, block: _Block) -> list[bytes]:
        """`block` is complete: close it if it is open, and let those out that waited for it."""
        out: list[bytes] = []
        if block.custom is not None:  # free text for a client that knows JSON arguments only
            whole = dumps_text({"input": "".join(block.custom)})
            out += self._deliver(block, {"type": "input_json_delta", "partial_json": whole}, len(whole))
        block.ended = True
        while self._open is not None and self._open.ended:
            self._plain_text = b""
            out.append(typed_frame({"type": "content_block_stop", "index": self._index}))
            self._open = None
            if self._queue:
                out += self._begin(self._queue.pop(0))
        return out

    def _whole(self, content: JsonObject) -> list[bytes]:
        """A block that comes in one piece; its ``input`` and signature as deltas, as the SDKs accumulate them."""
        start, deltas = dict(content), []
        if isinstance(start.get("input"), dict) and start["input"]:
            deltas.append({"type": "input_json_delta", "partial_json": dumps_text(start["input"])})
            start["input"] = {}
        if start.get("type") == "thinking" and start.get("signature"):
            deltas.append({"type": "signature_delta", "signature": start["signature"]})
            start["signature"] = ""
        block = _Block("whole", start)
        out = self._open_new(block)
        for delta in deltas:
            out += self._deliver(block, delta, 0)
        return out + self._complete(block)

    def _close_blocks(self) -> list[bytes]:
        """Everything that is still open or waits, in order. A cut call stays as far as it came."""
        out: list[bytes] = []
        for block in [*([self._open] if self._open is not None else []), *self._queue]:
            if block.ended:
                continue
            if block.kind == "thinking":
                out += self._deliver(block, {"type": "signature_delta", "signature": signatures.signature(None)}, 0)
            out += self._complete(block)
        return out
