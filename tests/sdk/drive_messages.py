"""The cases of the Anthropic SDK."""

from __future__ import annotations

import base64
from typing import Any

import anthropic
import driven
from driven import Setup, Skipped, equal, has, need
from pydantic import BaseModel

TOOLS: Any = [
    {"name": name, "description": text, "input_schema": schema} for name, (text, schema) in driven.TOOLS.items()
]


class Dog(BaseModel):
    """A structured output."""

    name: str
    age: int
    tags: list[str]


class MessagesCases:
    """Each public method is a case."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._model = setup, setup.model
        self._client = anthropic.Anthropic(base_url=setup.base_url, api_key=setup.key, max_retries=0, timeout=30)

    def _common(self, content: Any, more: dict[str, Any]) -> dict[str, Any]:
        messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
        return {"model": self._model, "max_tokens": 500, "messages": messages, **more}

    def _ask(self, content: Any, **more: Any) -> Any:
        return self._client.messages.create(**self._common(content, more))

    def _stream(self, content: Any, **more: Any) -> tuple[list[Any], Any]:
        with self._client.messages.stream(**self._common(content, more)) as stream:
            events = list(stream)
            return events, stream.get_final_message()

    def text(self) -> None:
        """An answer in one piece, with a system text."""
        answer = self._ask(driven.HELLO, system="Be brief.")
        if self._setup.simulated:
            equal(_text(answer), driven.ECHO, "text")
            equal(_text(self._ask("SYSTEM", system="Be brief.")), "System: Be brief.", "system text")
        need(_text(answer) != "" and answer.id.startswith("msg_"), answer)
        equal((answer.stop_reason, answer.role), ("end_turn", "assistant"), "finish")
        need(answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0, answer.usage)

    def stream(self) -> None:
        """Events through the helper, and the raw ones."""
        events, final = self._stream(driven.HELLO)
        text = "".join(event.text for event in events if event.type == "text")
        equal(text, _text(final), "deltas against the whole")
        if self._setup.simulated:
            equal(text, driven.ECHO, "text")
        raw = [event.type for event in self._ask(driven.HELLO, stream=True)]
        equal((raw[0], raw[1], raw[-2], raw[-1]),
              ("message_start", "content_block_start", "message_delta", "message_stop"), "raw events")  # fmt: skip
        need(final.usage.output_tokens > 1, final.usage)

    def tools(self) -> None:
        """Two parallel calls and back, not streamed."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": driven.TWO_TOOLS}]
        self._round(messages, self._ask(messages, tools=TOOLS))

    def tools_stream(self) -> None:
        """Two parallel calls and back, through the stream helper."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": driven.TWO_TOOLS}]
        events, answer = self._stream(messages, tools=TOOLS)
        need("input_json" in {event.type for event in events}, "no arguments arrived in pieces")
        self._round(messages, answer)

    def _round(self, messages: list[Any], answer: Any) -> None:
        equal(answer.stop_reason, "tool_use", "finish")
        calls = [block for block in answer.content if block.type == "tool_use"]
        driven.both(call.name for call in calls)
        for call in calls:
            driven.arguments(call.name, call.input)
        messages.append({"role": "assistant", "content": answer.content})
        messages.append({"role": "user", "content": [_result(call) for call in calls]})
        last = self._ask(messages, tools=TOOLS)
        driven.final(_text(last))
        need(bool(last.usage.cache_read_input_tokens), last.usage)

    def failed_tool(self) -> None:
        """A failed tool is told as failed, at least in words."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": "TOOLS get_time"}]
        answer = self._ask(messages, tools=TOOLS)
        call = next(block for block in answer.content if block.type == "tool_use")
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "the clock is broken", "is_error": True}
        messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
        has(_text(self._ask(messages, tools=TOOLS)), "the clock is broken")

    def forced_tool(self) -> None:
        """A forced tool is called; `none` calls none."""
        self._simulated()
        answer = self._ask("anything", tools=TOOLS, tool_choice={"type": "tool", "name": "get_time"})
        equal([block.name for block in answer.content if block.type == "tool_use"], ["get_time"], "forced")
        free = self._ask(driven.TWO_TOOLS, tools=TOOLS, tool_choice={"type": "none"})
        need(all(block.type != "tool_use" for block in free.content), free.content)

    def thinking(self) -> None:
        """Thinking, streamed, through a loop of two tool steps whose signatures must be accepted."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": driven.THINK_TOOLS}]
        more: Any = {"model": self._setup.think_model, "max_tokens": 4000, "tools": TOOLS,
                     "thinking": self._thinking()}  # fmt: skip
        for step in ("get_weather", "get_time"):
            _, answer = self._stream(messages, **more)
            thoughts = [block for block in answer.content if block.type == "thinking"]
            if self._setup.shows_thinking:
                # A Gemini signature belongs to the call, so it may come in a block of its own.
                need(any(block.signature for block in thoughts), answer.content)
                has("".join(block.thinking for block in thoughts), "The user wants")
            calls = [block for block in answer.content if block.type == "tool_use"]
            equal([call.name for call in calls], [step], "calls")
            messages.append({"role": "assistant", "content": answer.content})
            messages.append({"role": "user", "content": [_result(calls[0])]})
        has(_text(self._ask(messages, **more)), "get_time gave noon")

    def _thinking(self) -> dict[str, Any]:
        if "claude" in self._setup.think_model and "4-5" not in self._setup.think_model:
            return {"type": "adaptive", "display": "summarized"}
        return {"type": "enabled", "budget_tokens": 2000}

    def structured(self) -> None:
        """`parse` gives an object of the type asked for."""
        self._simulated()
        messages: Any = [{"role": "user", "content": "a dog"}]
        answer: Any = self._client.messages.parse(
            model=self._model, max_tokens=500, messages=messages, output_format=Dog
        )
        equal(answer.parsed_output, Dog(name="name grüße 😀", age=7, tags=["tags grüße 😀"]), "parsed")

    def image(self) -> None:
        """An inline picture arrives as it was sent."""
        self._simulated()
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(driven.PNG).decode()}
        answer = self._ask([{"role": "user", "content": [{"type": "image", "source": source},
                                                         {"type": "text", "text": "MEDIA"}]}])  # fmt: skip
        has(_text(answer), f"image/png of {len(driven.PNG)} bytes")

    def length(self) -> None:
        """A cut answer says so."""
        self._simulated()
        equal(self._ask("LENGTH").stop_reason, "max_tokens", "finish")

    def stop_sequence(self) -> None:
        """A stop sequence cuts the text."""
        self._simulated()
        answer = self._ask("STOPAT <end>", stop_sequences=["<end>"])
        equal(_text(answer).rstrip(), "Before the end", "text")

    def bad_request(self) -> None:
        """An unknown kind of block is a 400 with Anthropic's envelope."""
        content = [{"role": "user", "content": [{"type": "hologram", "x": 1}]}]
        error = driven.raises(anthropic.BadRequestError, lambda: self._ask(content))
        need(error.body.get("error", {}).get("type") == "invalid_request_error", error.body)

    def unknown_model(self) -> None:
        """An unknown model is a 404."""
        driven.raises(anthropic.NotFoundError, lambda: self._ask("hi", model="no-such-model"))

    def bad_key(self) -> None:
        """A wrong key is a 401 of the one who was asked."""
        client = anthropic.Anthropic(base_url=self._setup.base_url, api_key="wrong", max_retries=0, timeout=30)
        driven.raises(anthropic.AuthenticationError, lambda: client.messages.create(**self._common("hi", {})))

    def count(self) -> None:
        """Counting gives a number."""
        messages: Any = [{"role": "user", "content": "hello there"}]
        counted = self._client.messages.count_tokens(model=self._model, messages=messages, tools=TOOLS, system="x")
        need(counted.input_tokens > 0, counted)

    def models(self) -> None:
        """The list is not empty and in Anthropic's shape."""
        entries = list(self._client.models.list())
        need(len(entries) > 0 and all(entry.type == "model" for entry in entries), entries)

    def midstream(self) -> None:
        """An error in the middle of a stream is raised with its status."""
        self._simulated()
        driven.raises(anthropic.APIStatusError, lambda: self._stream(driven.BREAK))

    def _simulated(self) -> None:
        if not self._setup.simulated:
            raise Skipped("the demo provider answers in its own words")


def _text(answer: Any) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def _result(call: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call.id, "content": driven.RESULTS[call.name]}


def cases(setup: Setup) -> dict[str, Any]:
    """The cases in the order in which they run."""
    one = MessagesCases(setup)
    names = [name for name in vars(MessagesCases) if not name.startswith("_")]
    return {name: getattr(one, name) for name in names}
