"""Neutral events to Chat Completions chunks, as `clients.md` 3 says that clients need them.

The head that all chunks share is encoded once; a chunk is head + choices + tail (measured: half the time of encoding
the whole object).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.faults import Fault
from router.wire import openai_errors
from router.wire.chat.choice_writer import ChoiceWriter
from router.wire.chat.usage import write_usage
from router.wire.codec import dumps
from router.wire.conversation import JsonObject
from router.wire.dialect import ReplyContext
from router.wire.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Finished,
    MediaProduced,
    RefusalDelta,
    Started,
    TextDelta,
    TextEnded,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.sse import DONE_FRAME, data_frame

_OWN_HEAD = ("service_tier", "system_fingerprint")


class ChatStreamWriter:
    """One per response. See `router.wire.dialect.StreamWriter`."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._wants_usage = context.request.include_usage
        self._choices: dict[int, ChoiceWriter] = {}
        self._usage: Usage | None = None
        self._over = False
        self._encode_head({})

    def feed(self, event: Event) -> list[bytes]:
        """Whole frames for one event; nothing after the end."""
        if self._over:
            return []
        if isinstance(event, TextDelta):
            choice = self._choices.get(event.choice)
            if choice is not None and choice.plain and event.logprobs is None:
                choice.length += len(event.text)
                return [self._text_heads[event.choice] + dumps(event.text) + self._text_tail]
        writer = _CONTENT.get(type(event))
        if writer is not None:
            return self._content(event, writer)
        if isinstance(event, Started):
            return self._started(event)
        if isinstance(event, UsageReported):
            self._usage = event.usage
            return []
        if isinstance(event, Failed):
            return self.fail(event.fault)
        return self._ended() if isinstance(event, Ended) else []

    def fail(self, fault: Fault) -> list[bytes]:
        """An error chunk and no `[DONE]`: the OpenAI SDKs raise on any frame with an `error`."""
        if self._over:
            return []
        self._over = True
        return failure(fault)

    def _started(self, event: Started) -> list[bytes]:
        own = event.extra.get("chat", {})
        self._encode_head({key: own[key] for key in _OWN_HEAD if key in own})
        return [] if 0 in self._choices else self._open(0)[1]

    def _encode_head(self, own: JsonObject) -> None:
        context = self._context
        head = {"id": context.response_id, "object": "chat.completion.chunk", "created": context.created}
        self._head = b"data: " + dumps({**head, "model": context.model, **own})[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if self._wants_usage else b"]}\n\n"
        self._text_tail = b'},"logprobs":null,"finish_reason":null}' + self._tail
        self._text_heads = {index: self._text_head(index) for index in self._choices}

    def _text_head(self, index: int) -> bytes:
        return b'%b{"index":%d,"delta":{"content":' % (self._head, index)

    def _open(self, index: int) -> tuple[ChoiceWriter, list[bytes]]:
        """A choice's writer, and its first chunk: the role stands in the first delta and nowhere else."""
        choice = self._choices[index] = ChoiceWriter(index, self._context)
        self._text_heads[index] = self._text_head(index)
        return choice, [self._chunk(index, {"role": "assistant", "content": ""}, None, None)]

    def _content(self, event: Any, writer: Callable[[ChoiceWriter, Any], list[JsonObject]]) -> list[bytes]:
        frames: list[bytes] = []
        choice = self._choices.get(event.choice)
        if choice is None:
            choice, frames = self._open(event.choice)
        elif choice.finish is not None:
            return []
        logprobs = event.logprobs if type(event) is TextDelta else None
        frames += [self._chunk(choice.index, delta, None, logprobs) for delta in writer(choice, event)]
        if choice.finish is not None:
            frames.append(self._chunk(choice.index, {}, choice.finish, None))
        return frames

    def _chunk(self, index: int, delta: JsonObject, finish: str | None, logprobs: JsonObject | None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return self._head + dumps(choice) + self._tail

    def _ended(self) -> list[bytes]:
        self._over = True
        frames: list[bytes] = []
        if not self._choices:
            frames += self._open(0)[1]
        for choice in self._choices.values():
            if choice.finish is None:  # clients need a reason on every choice
                frames += [self._chunk(choice.index, delta, None, None) for delta in choice.finished(Finished("other"))]
                frames.append(self._chunk(choice.index, {}, choice.finish, None))
        if self._wants_usage and self._usage is not None:
            frames.append(self._head + b'],"usage":' + dumps(write_usage(self._usage)) + b"}\n\n")
        return [*frames, DONE_FRAME]


def failure(fault: Fault) -> list[bytes]:
    """The frames of an error in mid-stream."""
    return [data_frame({"error": openai_errors.error_body(fault)})]


_CONTENT: dict[type, Callable[[ChoiceWriter, Any], list[JsonObject]]] = {
    TextDelta: ChoiceWriter.text,
    TextEnded: ChoiceWriter.text_ended,
    Cited: ChoiceWriter.cited,
    ThinkingDelta: ChoiceWriter.thinking,
    ThinkingEnded: ChoiceWriter.thinking_ended,
    RefusalDelta: ChoiceWriter.refusal,
    ToolStarted: ChoiceWriter.tool_started,
    ToolArguments: ChoiceWriter.tool_arguments,
    MediaProduced: ChoiceWriter.media,
    Finished: ChoiceWriter.finished,
}
