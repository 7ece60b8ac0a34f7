"""The legacy `/v1/completions`: one prompt in, text out, served by any chat model.

The prompt becomes one user message. What only a base model can do (suffixes, token arrays, several prompts at once) is
refused with what to do instead. Source: OpenAI's OpenAPI description of ``POST /completions``.
"""

from __future__ import annotations

from typing import Any

from router.faults import Fault, bad_request
from router.wire.chat.finish import WRITE
from router.wire.chat.stream_writer import failure
from router.wire.chat.usage import write_usage
from router.wire.checked import at_least, optional, required
from router.wire.codec import dumps
from router.wire.conversation import Conversation, JsonObject, Sampling, Text, Turn
from router.wire.dialect import ReplyContext
from router.wire.events import Answer, Choice, Ended, Event, Failed, Finished, TextDelta, Usage, UsageReported
from router.wire.sse import DONE_FRAME

_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_CHAT = "Use /v1/chat/completions."


def read_request(body: JsonObject, model: str | None = None, stream: bool | None = None) -> Conversation:
    """The request as a conversation of one user turn. Raises `Fault` bad_request that names the JSON path."""
    prompt = _prompt(body.get("prompt"))
    _refuse(body)
    options = optional(body, "stream_options", "an object") or {}
    echo: JsonObject = {"echo": prompt} if optional(body, "echo", "a boolean") else {}
    max_tokens = optional(body, "max_tokens", "an integer")
    count = optional(body, "n", "an integer")
    at_least(max_tokens, 1, "max_tokens")
    at_least(count, 1, "n")
    sampling = {key: optional(body, key, "a number") for key in _NUMBERS}
    return Conversation(
        dialect="chat",
        model=model if model is not None else required(body, "model", "a string"),
        turns=(Turn("user", (Text(prompt),)),),
        sampling=Sampling(
            **sampling,
            seed=optional(body, "seed", "an integer"),
            logit_bias=optional(body, "logit_bias", "an object"),
        ),
        max_tokens=max_tokens,
        stop=_stop(body),
        n=count,
        logprobs=optional(body, "logprobs", "an integer"),
        user=optional(body, "user", "a string"),
        stream=stream if stream is not None else optional(body, "stream", "a boolean") is True,
        include_usage=optional(options, "include_usage", "a boolean", "stream_options") is True,
        extra={"completions": echo} if echo else {},
    )


def _prompt(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if isinstance(value, str):
        return value
    if value is None:
        raise bad_request("prompt is missing; it must be a string.", "prompt")
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        raise bad_request(f"prompt holds {len(value)} prompts; send one request for each of them.", "prompt")
    if isinstance(value, list) and value:
        raise bad_request("prompt holds token ids, which mean nothing to another model; send the text.", "prompt")
    raise bad_request("prompt must be a string, or an array of one string.", "prompt")


def _refuse(body: JsonObject) -> None:
    if optional(body, "suffix", "a string"):
        raise bad_request(f"suffix: chat models do not fill in the middle; leave it out. {_CHAT}", "suffix")
    best_of = optional(body, "best_of", "an integer")
    if best_of is not None and best_of > (optional(body, "n", "an integer") or 1):
        raise bad_request("best_of: choosing the best of several answers is not offered; use n and choose.", "best_of")


def _stop(body: JsonObject) -> tuple[str, ...]:
    value = body.get("stop")
    entries = [value] if isinstance(value, str) else optional(body, "stop", "an array") or []
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            raise bad_request(f"stop[{index}] must be a string.", f"stop[{index}]")
    return tuple(entry for entry in entries if entry)


def _echo(context: ReplyContext) -> str:
    """The prompt where the caller wants it before the answer."""
    return str(context.request.extra.get("completions", {}).get("echo", ""))


def write_reply(answer: Answer, context: ReplyContext) -> JsonObject:
    """A whole answer as a `text_completion` object. Thinking has no place in it."""
    reply: JsonObject = {
        "id": context.response_id,
        "object": "text_completion",
        "created": context.created,
        "model": context.model,
        "choices": [_choice(index, choice, _echo(context)) for index, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        reply["usage"] = write_usage(answer.usage)
    return reply


def _choice(index: int, choice: Choice, echo: str) -> JsonObject:
    text = "".join(part.text for part in choice.parts if isinstance(part, Text))
    logprobs = legacy_logprobs(choice.logprobs, len(echo))
    return {"text": echo + text, "index": index, "logprobs": logprobs, "finish_reason": WRITE[choice.reason]}


def legacy_logprobs(logprobs: JsonObject | None, offset: int) -> JsonObject | None:
    """Chat's list of tokens as the four parallel lists of the legacy answer. offset: where the first one stands."""
    if logprobs is None:
        return None
    tokens = [entry for entry in logprobs.get("content") or [] if isinstance(entry, dict)]
    offsets = []
    for entry in tokens:
        offsets.append(offset)
        offset += len(entry.get("token", ""))
    return {
        "tokens": [entry.get("token", "") for entry in tokens],
        "token_logprobs": [entry.get("logprob") for entry in tokens],
        "top_logprobs": [
            {top.get("token", ""): top.get("logprob") for top in entry.get("top_logprobs") or []} for entry in tokens
        ],
        "text_offset": offsets,
    }


class CompletionsStreamWriter:
    """Neutral events to `text_completion` chunks; one per response. See `router.wire.dialect.StreamWriter`."""

    def __init__(self, context: ReplyContext) -> None:
        head = {
            "id": context.response_id,
            "object": "text_completion",
            "created": context.created,
            "model": context.model,
        }
        self._head = b"data: " + dumps(head)[:-1] + b',"choices":['
        self._wants_usage = context.request.include_usage
        self._tail = b'],"usage":null}\n\n' if self._wants_usage else b"]}\n\n"
        self._echo = _echo(context)
        self._lengths: dict[int, int] = {}
        self._finished: set[int] = set()
        self._usage: Usage | None = None
        self._over = False

    def feed(self, event: Event) -> list[bytes]:
        """Whole frames for one event; nothing after the end."""
        if self._over:
            return []
        if isinstance(event, TextDelta):
            return self._text(event)
        if isinstance(event, Finished):
            return self._finish(event)
        if isinstance(event, UsageReported):
            self._usage = event.usage
        elif isinstance(event, Failed):
            return self.fail(event.fault)
        elif isinstance(event, Ended):
            return self._end()
        return []

    def fail(self, fault: Fault) -> list[bytes]:
        """An error chunk, and no `[DONE]`."""
        if self._over:
            return []
        self._over = True
        return failure(fault)

    def _text(self, event: TextDelta) -> list[bytes]:
        if event.choice in self._finished:
            return []
        frames = self._begun(event.choice)
        length = self._lengths[event.choice]
        self._lengths[event.choice] = length + len(event.text)
        return [*frames, self._chunk(event.choice, event.text, legacy_logprobs(event.logprobs, length), None)]

    def _begun(self, choice: int) -> list[bytes]:
        if choice in self._lengths:
            return []
        self._lengths[choice] = len(self._echo)
        return [self._chunk(choice, self._echo, None, None)] if self._echo else []

    def _finish(self, event: Finished) -> list[bytes]:
        if event.choice in self._finished:
            return []
        frames = self._begun(event.choice)
        self._finished.add(event.choice)
        return [*frames, self._chunk(event.choice, "", None, WRITE[event.reason])]

    def _end(self) -> list[bytes]:
        choices = self._lengths.keys() or {0}
        frames = [frame for choice in list(choices) for frame in self._finish(Finished("other", choice=choice))]
        self._over = True
        if self._wants_usage and self._usage is not None:
            frames.append(self._head + b'],"usage":' + dumps(write_usage(self._usage)) + b"}\n\n")
        return [*frames, DONE_FRAME]

    def _chunk(self, choice: int, text: str, logprobs: JsonObject | None, finish: str | None) -> bytes:
        entry = {"text": text, "index": choice, "logprobs": logprobs, "finish_reason": finish}
        return self._head + dumps(entry) + self._tail
