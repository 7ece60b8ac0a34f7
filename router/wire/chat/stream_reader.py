"""Chunks of a Chat Completions stream to neutral events, with every liberty of compatible servers (`wire.md` 9.1).

Nine frames of ten hold one piece of text and nothing else: they take the short way through `feed`.
"""

from __future__ import annotations

from typing import Any

from router.faults import Fault
from router.wire import openai_errors
from router.wire.capabilities import Capabilities
from router.wire.chat.choice_reader import ChoiceReader
from router.wire.chat.usage import read_usage
from router.wire.codec import Malformed, loads
from router.wire.conversation import Extra, JsonObject
from router.wire.events import Ended, Event, Failed, Started, TextDelta, UsageReported
from router.wire.sse import Frame

_HEAD_KEYS = ("system_fingerprint", "service_tier")


class ChatStreamReader:
    """One per response. See `router.wire.dialect.StreamReader`."""

    sequence = 0

    def __init__(self, capabilities: Capabilities) -> None:
        self.response_id = ""
        self.model = ""
        self.created_at = 0
        self._capabilities = capabilities
        self._choices: dict[int, ChoiceReader] = {}
        self._call_ids: set[str] = set()
        self._tier: Any = None
        self._started = False
        self._ended = False

    @property
    def place(self) -> int:
        """This dialect numbers nothing."""
        return 0

    @property
    def numbered_calls(self) -> bool:
        """Whether clients can tell the calls of the first answer apart as our own writer numbers them."""
        return 0 not in self._choices or self._choices[0].numbered_calls

    @property
    def choices(self) -> int:
        return len(self._choices)

    def feed(self, frame: Frame) -> list[Event]:
        """Events of one frame. Raises `Fault` upstream_broken for what is no chunk."""
        data = frame.data
        if data is None or self._ended:
            return []
        if data[:1] != b"{":
            bare = data.strip()
            if bare in (b"[DONE]", b""):
                return self._done() if bare else []
        try:
            chunk = loads(data)
        except Malformed as error:
            raise _broken(f"a chunk that is not JSON ({error})") from error
        if not isinstance(chunk, dict):
            raise _broken("a chunk that is not an object")
        if frame.event == "error" and "choices" not in chunk and "error" not in chunk:
            chunk = {"error": chunk}
        return self.read_chunk(chunk)

    def read_chunk(self, chunk: JsonObject) -> list[Event]:
        """Events of one decoded chunk; also of an unstreamed answer, whose choices hold a whole `message`."""
        choices = chunk.get("choices")
        if self._started and type(choices) is list and len(choices) == 1 and _usage_in(chunk) is None:
            quick = self._quick(choices[0])
            if quick is not None:
                return quick
        failed = _error_in(chunk)
        if failed is not None:
            self._ended = True
            return [Failed(openai_errors.from_error(failed))]
        events = self._head(chunk, choices)
        self._tier = chunk.get("service_tier") or self._tier
        for choice in choices if isinstance(choices, list) else []:
            if not isinstance(choice, dict):
                raise _broken("a choice that is not an object")
            failed = choice.get("error") if choice.get("finish_reason") == "error" else None
            if isinstance(failed, dict):  # OpenRouter
                self._ended = True
                return [*events, Failed(openai_errors.from_error(failed))]
            events.extend(self._choice(choice).feed(choice, self.response_id))
        usage = _usage_in(chunk)
        if usage is not None:
            outside = self._capabilities.reasoning_outside_output
            events.append(UsageReported(read_usage(usage, reasoning_outside=outside, tier=self._tier)))
        return events

    def close(self) -> list[Event]:
        """A close after every finish reason is a success (`[DONE]` is often missing); before it, text is lost."""
        if self._ended:
            return []
        if not self._choices or not all(choice.finished for choice in self._choices.values()):
            raise Fault("upstream_broken", "The provider closed the stream before the answer was finished.")
        self._ended = True
        return [Ended()]

    def _quick(self, choice: Any) -> list[Event] | None:
        """The one event of a chunk that only adds text to the open answer; None where the long way is needed."""
        if type(choice) is not dict or choice.get("finish_reason") or choice.get("logprobs"):
            return None
        delta = choice.get("delta")
        if type(delta) is not dict or len(delta) > 2:
            return None
        text = delta.get("content")
        if type(text) is not str or (len(delta) == 2 and "role" not in delta):
            return None
        reader = self._choices.get(choice.get("index", 0))
        if reader is None or not reader.plain or not text or "\ud800" <= text[-1] <= "\udbff":
            return None
        return [TextDelta(text, reader.index)]

    def _done(self) -> list[Event]:
        if not self._choices:
            raise Fault("upstream_broken", "The provider ended the stream without an answer.")
        self._ended = True
        events = [event for choice in self._choices.values() for event in choice.finish_quietly()]
        return [*events, Ended()]

    def _head(self, chunk: JsonObject, choices: Any) -> list[Event]:
        """`Started`, with the first chunk that names the answer or has a choice (Azure's first one has neither)."""
        if self._started:
            return []
        self.response_id = self.response_id or _text(chunk.get("id"))
        self.model = self.model or _text(chunk.get("model"))
        created = chunk.get("created")
        self.created_at = self.created_at or (created if isinstance(created, int) else 0)
        if not choices and not self.response_id:
            return []
        self._started = True
        head = {key: chunk[key] for key in _HEAD_KEYS if chunk.get(key) is not None}
        extra: Extra = {"chat": head} if head else {}
        return [Started(self.response_id, self.model, extra)]

    def _choice(self, choice: JsonObject) -> ChoiceReader:
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        reader = self._choices.get(index)
        if reader is None:
            reader = self._choices[index] = ChoiceReader(index, self._capabilities.family, self._call_ids)
        return reader


def _broken(what: str) -> Fault:
    return Fault("upstream_broken", f"The provider sent {what}.")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _error_in(chunk: JsonObject) -> JsonObject | None:
    """The error object of an error chunk, in any of its shapes."""
    error = chunk.get("error")
    if isinstance(error, dict) and error:
        return error
    if isinstance(error, str) and error:
        return {**{key: chunk[key] for key in ("code", "type", "param") if key in chunk}, "message": error}
    if chunk.get("object") == "error" or ("choices" not in chunk and "detail" in chunk):  # vLLM; FastAPI servers
        return chunk
    return None


def _usage_in(chunk: JsonObject) -> JsonObject | None:
    usage = chunk.get("usage")
    if usage is None:
        groq = chunk.get("x_groq")
        usage = groq.get("usage") if isinstance(groq, dict) else None
    return usage if isinstance(usage, dict) and usage else None
