"""The cases of the OpenAI SDK on the Responses interface."""

from __future__ import annotations

import base64
import json
from typing import Any

import driven
import openai
from drive_chat import Dog
from driven import Setup, Skipped, equal, has, need

TOOLS: Any = [
    {"type": "function", "name": name, "description": text, "parameters": schema, "strict": False}
    for name, (text, schema) in driven.TOOLS.items()
]


class ResponsesCases:
    """Each public method is a case."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._model = setup, setup.model
        self._client = openai.OpenAI(base_url=setup.base_url, api_key=setup.key, max_retries=0, timeout=30)

    def _ask(self, given: Any, **more: Any) -> Any:
        more.setdefault("store", False)
        return self._client.responses.create(model=more.pop("model", self._model), input=given, **more)

    def text(self) -> None:
        """An answer in one piece, with instructions."""
        answer = self._ask(driven.HELLO, instructions="Be brief.", max_output_tokens=200)
        if self._setup.simulated:
            equal(answer.output_text, driven.ECHO, "text")
            equal(self._ask("SYSTEM", instructions="Be brief.").output_text, "System: Be brief.", "system text")
        equal(answer.status, "completed", "status")
        need(answer.id.startswith("resp_") and answer.output_text != "", answer)

    def stream(self) -> None:
        """Events in order, gapless, with a whole response at the end."""
        events = list(self._ask(driven.HELLO, stream=True))
        equal([event.sequence_number for event in events], list(range(len(events))), "sequence")
        equal(events[0].type, "response.created", "first event")
        equal(events[-1].type, "response.completed", "last event")
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        equal(text, events[-1].response.output_text, "deltas against the whole")
        equal(events[0].response.id, events[-1].response.id, "id")
        if self._setup.simulated:
            equal(text, driven.ECHO, "text")
        usage = events[-1].response.usage
        equal(usage.input_tokens + usage.output_tokens, usage.total_tokens, "total")

    def tools(self) -> None:
        """Two parallel calls and back, not streamed."""
        self._simulated()
        items: list[Any] = [{"role": "user", "content": driven.TWO_TOOLS}]
        self._round(items, self._ask(items, tools=TOOLS), tools=TOOLS)

    def tools_stream(self) -> None:
        """Two parallel calls and back, through the stream helper."""
        self._simulated()
        items: list[Any] = [{"role": "user", "content": driven.TWO_TOOLS}]
        kinds = set()
        with self._client.responses.stream(model=self._model, input=items, tools=TOOLS, store=False) as stream:
            for event in stream:
                kinds.add(event.type)
            answer = stream.get_final_response()
        need({"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds, kinds)
        self._round(items, answer, tools=TOOLS)

    def _round(self, items: list[Any], answer: Any, **more: Any) -> None:
        calls = [item for item in answer.output if item.type == "function_call"]
        driven.both(call.name for call in calls)
        items.extend(_replayed(item) for item in answer.output)
        for call in calls:
            driven.arguments(call.name, json.loads(call.arguments))
            items.append({"type": "function_call_output", "call_id": call.call_id,
                          "output": driven.RESULTS[call.name]})  # fmt: skip
        last = self._ask(items, **more)
        driven.final(last.output_text)
        need(0 < last.usage.input_tokens_details.cached_tokens < last.usage.input_tokens, last.usage)

    def forced_tool(self) -> None:
        """A forced tool is called; `none` calls none."""
        self._simulated()
        forced: Any = {"type": "function", "name": "get_time"}
        answer = self._ask("anything", tools=TOOLS, tool_choice=forced)
        equal([item.name for item in answer.output if item.type == "function_call"], ["get_time"], "forced")
        free = self._ask(driven.TWO_TOOLS, tools=TOOLS, tool_choice="none")
        need(all(item.type != "function_call" for item in free.output), free.output)

    def thinking(self) -> None:
        """Reasoning with summary, streamed, through a loop of two tool steps with encrypted content."""
        self._simulated()
        items: list[Any] = [{"role": "user", "content": driven.THINK_TOOLS}]
        more: Any = {"model": self._setup.think_model, "reasoning": {"effort": "medium", "summary": "auto"},
                     "include": ["reasoning.encrypted_content"], "tools": TOOLS}  # fmt: skip
        for step in ("get_weather", "get_time"):
            events = list(self._ask(items, stream=True, **more))
            answer = events[-1].response
            need(answer.usage.output_tokens_details.reasoning_tokens > 0, answer.usage)
            if self._setup.shows_thinking:
                shown = "".join(one.delta for one in events if one.type == "response.reasoning_summary_text.delta")
                has(shown, "The user wants")
                sealed = [item.encrypted_content for item in answer.output if item.type == "reasoning"]
                need(any(sealed), answer.output)
            calls = [item for item in answer.output if item.type == "function_call"]
            equal([call.name for call in calls], [step], "calls")
            items.extend(_replayed(item) for item in answer.output)
            items.append({"type": "function_call_output", "call_id": calls[0].call_id, "output": driven.RESULTS[step]})
        has(self._ask(items, **more).output_text, "get_time gave noon")

    def structured(self) -> None:
        """`parse` gives an object of the type asked for."""
        self._simulated()
        answer = self._client.responses.parse(model=self._model, input="a dog", text_format=Dog, store=False)
        equal(answer.output_parsed, Dog(name="name grüße 😀", age=7, tags=["tags grüße 😀"]), "parsed")

    def image(self) -> None:
        """An inline picture arrives as it was sent."""
        self._simulated()
        url = "data:image/png;base64," + base64.b64encode(driven.PNG).decode()
        content = [{"type": "input_text", "text": "MEDIA"}, {"type": "input_image", "image_url": url, "detail": "auto"}]
        answer = self._ask([{"role": "user", "content": content}])
        has(answer.output_text, f"image/png of {len(driven.PNG)} bytes")

    def length(self) -> None:
        """A cut answer says so."""
        self._simulated()
        answer = self._ask("LENGTH")
        equal((answer.status, answer.incomplete_details.reason), ("incomplete", "max_output_tokens"), "finish")

    def bad_request(self) -> None:
        """An unknown kind of item is a 400 with the OpenAI envelope."""
        given = [{"type": "hologram", "content": "x"}]
        error = driven.raises(openai.BadRequestError, lambda: self._ask(given))
        need(isinstance(error.body, dict) and error.body.get("type") == "invalid_request_error", error.body)

    def unknown_model(self) -> None:
        """An unknown model is a 404."""
        driven.raises(openai.NotFoundError, lambda: self._ask("hi", model="no-such-model"))

    def count(self) -> None:
        """Counting gives a number."""
        if not hasattr(self._client.responses, "input_tokens"):
            raise Skipped("this SDK cannot count")
        counted: Any = self._client.responses.input_tokens
        need(counted.count(model=self._model, input="hello there").input_tokens > 0, "no tokens")

    def midstream(self) -> None:
        """An error in the middle of a stream is raised."""
        self._simulated()
        error = driven.raises(openai.APIError, lambda: list(self._ask(driven.BREAK, stream=True)))
        need("broke" in str(error) or not isinstance(error, openai.APIConnectionError), f"{type(error)} {error}")

    def _simulated(self) -> None:
        if not self._setup.simulated:
            raise Skipped("the demo provider answers in its own words")


def _replayed(item: Any) -> dict[str, Any]:
    """An output item as an input item, as agents send it back."""
    kept: dict[str, Any] = item.model_dump(exclude_none=True)
    kept.pop("parsed_arguments", None)
    for part in kept.get("content", []):
        part.pop("parsed", None)
    return kept


def cases(setup: Setup) -> dict[str, Any]:
    """The cases in the order in which they run."""
    one = ResponsesCases(setup)
    names = [name for name in vars(ResponsesCases) if not name.startswith("_")]
    return {name: getattr(one, name) for name in names}
