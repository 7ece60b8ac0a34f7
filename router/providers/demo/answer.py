"""The demo's answers: a conversation in, events out, the same ones every time. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from router.faults import Fault
from router.providers.demo.chaos import placed
from router.providers.demo.models import LABEL
from router.providers.demo.sample import sample
from router.wire.codec import dumps_text
from router.wire.conversation import Conversation, Opaque, Part, Text, Tool, ToolResult
from router.wire.events import (
    Ended,
    Event,
    Failed,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingEnded,
    ToolArguments,
    ToolEnded,
    ToolStarted,
    Usage,
    UsageReported,
)
from router.wire.names import made_up_call_id

_LOREM_TEXT = """
Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna
aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat.
Grüße — 你好 — 🚂 rolls on.
"""
LOREM = tuple(word for word in _LOREM_TEXT.split() if word)
THOUGHT = "The demo thinks: first about the question, then about the answer. "
LOREM_WORDS = 200


def answer(model: str, conversation: Conversation, response_id: str) -> Iterator[list[Event]]:
    """The whole answer in the pieces in which it is streamed. The faults in the middle simply end without their end."""
    yield [Started(response_id=response_id, model=f"demo/{model}")]
    prompt = _tokens("".join(_texts(conversation)))
    yield [UsageReported(Usage(input=prompt))]
    breaks = placed(model)
    if breaks is not None:
        yield from _broken(*breaks)
    else:
        yield from _BODIES.get(model, _echo)(conversation, response_id, prompt)


def _finish(reason: str, prompt: int, output: int, reasoning: int = 0) -> list[Event]:
    usage = Usage(input=prompt, output=output + reasoning, reasoning=reasoning)
    return [Finished(reason), UsageReported(usage), Ended()]  # type: ignore[arg-type]


def _say(conversation: Conversation, text: str, prompt: int, reasoning: int = 0) -> Iterator[list[Event]]:
    """Text word by word, within the caller's token limit and stop sequences."""
    found = [(text.find(stop), stop) for stop in conversation.stop if stop and stop in text]
    stop = min(found)[1] if found else None
    words = _words(text[: text.find(stop)] if stop is not None else text)
    limit = conversation.max_tokens
    spent = 0
    for word in words:
        cost = _tokens(word)
        if limit is not None and reasoning + spent + cost > limit:
            yield _finish("length", prompt, spent, reasoning)
            return
        spent += cost
        yield [TextDelta(word)]
    if stop is not None:
        usage = Usage(input=prompt, output=spent + reasoning, reasoning=reasoning)
        yield [Finished("stop_sequence", stop_sequence=stop), UsageReported(usage), Ended()]
    else:
        yield _finish("end", prompt, spent, reasoning)


def _echo(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    if conversation.output is not None and conversation.output.kind in ("json", "schema", "enum"):
        yield from _json(conversation, response_id, prompt)
        return
    said = _last_user_text(conversation)
    yield from _say(conversation, f"{LABEL} You said: {said}" if said else f"{LABEL} You said nothing.", prompt)


def _lorem(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    yield from _say(conversation, _dummy_text(LOREM_WORDS), prompt)


def _dummy_text(words: int) -> str:
    return f"{LABEL} {' '.join(LOREM[index % len(LOREM)] for index in range(words))}"


def _think(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    for word in _words(THOUGHT):
        yield [ThinkingDelta(word)]
    yield [ThinkingEnded(opaque=Opaque(dialect=conversation.dialect, data=f"demo-{response_id}", model="demo"))]
    text = f"{LABEL} After some thought: {_last_user_text(conversation)}"
    yield from _say(conversation, text, prompt, reasoning=_tokens(THOUGHT))


def _json(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    schema = conversation.output.schema if conversation.output is not None else None
    if conversation.output is not None and conversation.output.kind == "enum" and schema is not None:
        yield from _say(conversation, str(sample(schema)), prompt)
        return
    value = sample(schema) if schema is not None else {"demo": True, "said": _last_user_text(conversation)}
    yield from _say(conversation, dumps_text(value), prompt)


def _tools(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    results = _last_results(conversation)
    tools = _callable(conversation)
    if results or not tools:
        text = "; ".join(f"{result.name or result.call_id} gave {_plain(result.content)}" for result in results)
        yield from _say(conversation, f"{LABEL} {text or 'There is no tool to call.'}", prompt)
        return
    spent = 0
    for index, tool in enumerate(tools):
        call_id = made_up_call_id(response_id, index)
        custom = tool.kind == "custom"
        arguments = "demo input" if custom else dumps_text(sample(tool.schema) if tool.schema else {})
        half = len(arguments) // 2
        yield [ToolStarted(call_id=call_id, name=tool.name, custom=custom, namespace=tool.namespace)]
        yield [ToolArguments(call_id, arguments[:half])]
        yield [ToolArguments(call_id, arguments[half:]), ToolEnded(call_id)]
        spent += _tokens(arguments) + 4
    yield _finish("tools", prompt, spent)


def _length(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    for word in _words(f"{LABEL} This answer is not"):
        yield [TextDelta(word)]
    yield _finish("length", prompt, 8)


def _refuse(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    yield [RefusalDelta(f"{LABEL} I will not answer that.")]
    yield _finish("filtered", prompt, 8)


def _broken(fault: str, count: int | None) -> Iterator[list[Event]]:
    """A beginning, then the fault; those without an event of their own are acted out by the source. count: so many
    words of what `demo/lorem` says, which can therefore go on behind them."""
    text = f"{LABEL} This answer breaks off in the" if count is None else _dummy_text(max(count, LOREM_WORDS))
    for word in _words(text)[:count]:
        yield [TextDelta(word)]
    if fault == "error-mid":
        yield [Failed(Fault("overloaded", f"{LABEL} The demo failed in the middle of its answer."))]


def _drip(conversation: Conversation, response_id: str, prompt: int) -> Iterator[list[Event]]:
    for events in _echo(conversation, response_id, prompt):
        for event in events:
            if isinstance(event, TextDelta):
                for character in event.text:
                    yield [TextDelta(character)]
            else:
                yield [event]


_BODIES = {
    "echo": _echo,
    "slow": _echo,
    "drip": _drip,
    "lorem": _lorem,
    "think": _think,
    "json": _json,
    "tools": _tools,
    "length": _length,
    "refuse": _refuse,
}


def _tokens(text: str) -> int:
    """A stand-in for a tokenizer: a token for every four bytes, at least one."""
    return max(1, math.ceil(len(text.encode("utf-8", "surrogatepass")) / 4))


def _words(text: str) -> list[str]:
    words = text.split(" ")
    return [word if index == 0 else f" {word}" for index, word in enumerate(words)]


def _plain(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def _texts(conversation: Conversation) -> Iterator[str]:
    yield _plain(conversation.system)
    for turn in conversation.turns:
        yield _plain(turn.parts)


def _last_user_text(conversation: Conversation) -> str:
    for turn in reversed(conversation.turns):
        if turn.role == "user" and (text := _plain(turn.parts)):
            return text
    return ""


def _last_results(conversation: Conversation) -> list[ToolResult]:
    """The results that stand behind the last assistant turn."""
    results: list[ToolResult] = []
    for turn in reversed(conversation.turns):
        if turn.role == "assistant":
            break
        results[:0] = [part for part in turn.parts if isinstance(part, ToolResult)]
    return results


def _callable(conversation: Conversation) -> list[Tool]:
    """The tools to call: the forced or allowed ones, at most two, one where parallel calls are off."""
    choice = conversation.tool_choice
    if choice is not None and choice.mode == "none":
        return []
    tools = [tool for tool in conversation.tools if tool.kind in ("function", "custom")]
    if choice is not None and choice.names:
        tools = [tool for tool in tools if tool.name in choice.names]
    return tools[: 1 if conversation.parallel_tool_calls is False else 2]
