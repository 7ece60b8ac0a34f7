"""A Messages stream to neutral events."""

from __future__ import annotations

from typing import Any

import msgspec

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.codec import Malformed, loads
from router.wire.conversation import JsonObject
from router.wire.events import Ended, Event, Failed, Finished, Started, TextDelta, UsageReported
from router.wire.messages.answer_blocks import Block, TextBlock, ToolBlock, open_block
from router.wire.messages.faults import fault_of_error
from router.wire.messages.finish import read_finish
from router.wire.messages.usage import merged, read_usage
from router.wire.names import made_up_call_id
from router.wire.sse import DONE, Frame


class _Delta(msgspec.Struct):
    type: str
    text: str


class _TextDeltaEvent(msgspec.Struct):
    """The commonest event, decoded without building dictionaries."""

    index: int
    delta: _Delta


_text_delta = msgspec.json.Decoder(_TextDeltaEvent).decode
_DONE = DONE.encode()


class StreamReader:
    """See `wire.dialect.StreamReader`. One per response; also watches the raw lane."""

    choices = 1

    def __init__(self, capabilities: Capabilities) -> None:
        self.response_id = ""
        self.model = ""
        self.sequence = 0
        self.created_at = 0
        self._capabilities = capabilities
        self._blocks: dict[int, Block] = {}  # open ones by index; more than one only for interleaved calls
        self._last_index = -1
        self._usage: JsonObject = {}
        self._call_ids: set[str] = set()
        self._calls = 0
        self._content = False
        self._finished = False
        self._ended = False

    def feed(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None or self._ended:
            return []
        if b'"text_delta"' in data:
            event = self._fast_text(data)
            if event is not None:
                return event
        if data.strip() in (b"", _DONE):
            return []
        try:
            payload = loads(data)
        except Malformed as error:
            raise Fault("upstream_broken", f"The provider sent an event that is not JSON: {error}.") from error
        if not isinstance(payload, dict):
            raise Fault("upstream_broken", "The provider sent an event that is not a JSON object.")
        kind = payload.get("type")
        return self._event(kind if isinstance(kind, str) else frame.event, payload)

    @property
    def place(self) -> int:
        """The index of the newest block, -1 before the first."""
        return self._last_index

    @property
    def in_text(self) -> bool:
        """Whether the newest block is text and open."""
        return isinstance(self._blocks.get(self._last_index), TextBlock)

    def close(self) -> list[Event]:
        if self._ended:
            return []
        if not self._finished:
            raise Fault("upstream_broken", "The provider closed its stream before the answer was complete.")
        self._ended = True
        return [Ended()]

    def _fast_text(self, data: bytes) -> list[Event] | None:
        """None where the frame needs the long way: another type, a cut surrogate, a block that is not open."""
        try:
            event = _text_delta(data)
        except (msgspec.MsgspecError, UnicodeError):
            return None
        block = self._blocks.get(event.index)
        if event.delta.type != "text_delta" or not isinstance(block, TextBlock) or not block.plain(event.delta.text):
            return None
        return [TextDelta(event.delta.text)] if event.delta.text else []

    def _event(self, kind: str | None, payload: JsonObject) -> list[Event]:
        if kind == "content_block_delta":
            return self._block_delta(payload)
        if kind == "content_block_start":
            return self._block_start(payload)
        if kind == "content_block_stop":
            return self._block_stop(payload)
        if kind == "message_start":
            return self._message_start(payload)
        if kind == "message_delta":
            return self._message_delta(payload)
        if kind == "message_stop":
            return self._message_stop()
        if kind == "error" or (kind is None and "error" in payload):
            self._ended = True
            return [Failed(fault_of_error(payload))]
        return []  # ping, and what is not invented yet

    def _message_start(self, payload: JsonObject) -> list[Event]:
        message = payload.get("message")
        message = message if isinstance(message, dict) else {}
        response_id = message.get("id")
        response_id = response_id if isinstance(response_id, str) else ""
        if self.response_id or self._content:
            return self._second_start(response_id)
        model = message.get("model")
        self.response_id, self.model = response_id, model if isinstance(model, str) else ""
        self._usage = merged(self._usage, message.get("usage"))
        events: list[Event] = [Started(self.response_id, self.model)]
        if self._usage:
            events.append(UsageReported(read_usage(self._usage)))
        content = message.get("content")
        for block in content if isinstance(content, list) else ():  # some answers come with their first block inside
            if isinstance(block, dict):
                events.extend(self._whole(block))
        return events

    def _second_start(self, response_id: str) -> list[Event]:
        """Some gateways repeat the event, which is harmless. A broken middle box splices a second answer into the
        first: after content of the first one has gone out, nothing honest can be made of that."""
        if response_id == self.response_id:
            return []
        if self._content:
            raise Fault("upstream_broken", "The provider began a second answer before the first was complete.")
        self.response_id = response_id
        return []

    def _block_start(self, payload: JsonObject) -> list[Event]:
        block = payload.get("content_block")
        index = self._index(payload, self._last_index + 1)
        events = self._close_contiguous(index)
        if not isinstance(block, dict):
            return events
        self._content = True
        self._last_index = index
        opened = open_block(block, self._call_id)
        self._blocks[index] = opened
        return [*events, *opened.start()]

    def _close_contiguous(self, starting: int) -> list[Event]:
        """Close what a server forgot to close. Only calls may stay open beside each other."""
        events: list[Event] = []
        for index, block in list(self._blocks.items()):
            if index == starting or not isinstance(block, ToolBlock):
                events.extend(self._blocks.pop(index).close())
        return events

    def _block_delta(self, payload: JsonObject) -> list[Event]:
        delta = payload.get("delta")
        if not isinstance(delta, dict):
            return []
        index = self._index(payload, self._last_index)
        block = self._blocks.get(index)
        if block is None:
            if delta.get("type") != "text_delta":
                return []
            self._content = True  # a server that leaves the start out
            block = self._blocks[index] = TextBlock({})
            self._last_index = index
        return block.delta(delta)

    def _block_stop(self, payload: JsonObject) -> list[Event]:
        block = self._blocks.pop(self._index(payload, self._last_index), None)
        return block.close() if block is not None else []

    def _message_delta(self, payload: JsonObject) -> list[Event]:
        events: list[Event] = []
        if isinstance(payload.get("usage"), dict):
            self._usage = merged(self._usage, payload["usage"])
            events.append(UsageReported(read_usage(self._usage)))
        delta = payload.get("delta")
        finish = read_finish(delta) if isinstance(delta, dict) else None
        if finish is None or self._finished:
            return events
        return [*self._cut_open_blocks(), *events, *self._finish(finish)]

    def _message_stop(self) -> list[Event]:
        events = self._cut_open_blocks()
        if not self._finished:  # the marker came, so the answer is whole; only its reason is missing
            events.extend(self._finish(Finished("tools" if self._calls else "end")))
        self._ended = True
        return [*events, Ended()]

    def _finish(self, finish: Finished) -> list[Event]:
        self._finished = True
        return [finish]

    def _cut_open_blocks(self) -> list[Event]:
        events = [event for block in self._blocks.values() for event in block.close(cut=True)]
        self._blocks.clear()
        return events

    def _whole(self, block: JsonObject) -> list[Event]:
        self._content = True
        opened = open_block(block, self._call_id)
        return [*opened.start(), *opened.close()]

    def _index(self, payload: JsonObject, default: int) -> int:
        index = payload.get("index")
        return index if isinstance(index, int) and not isinstance(index, bool) else default

    def _call_id(self, given: Any) -> str:
        """The upstream's id; one of our own where it is missing or used twice."""
        self._calls += 1
        call_id = given if isinstance(given, str) and given else made_up_call_id(self.response_id, self._calls)
        if call_id in self._call_ids:
            call_id = made_up_call_id(f"{self.response_id}/{call_id}", self._calls)
        self._call_ids.add(call_id)
        return call_id
