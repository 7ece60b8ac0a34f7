"""The cases of the OpenAI SDK on Chat Completions, and on embeddings and models."""

from __future__ import annotations

import base64
import json
from typing import Any

import driven
import openai
from driven import Setup, Skipped, equal, has, need
from pydantic import BaseModel

TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": schema}}
    for name, (text, schema) in driven.TOOLS.items()
]


class Dog(BaseModel):
    """A structured output."""

    name: str
    age: int
    tags: list[str]


class ChatCases:
    """Each public method is a case."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._model = setup, setup.model
        self._client = openai.OpenAI(base_url=setup.base_url, api_key=setup.key, max_retries=0, timeout=30)

    def _ask(self, content: Any, **more: Any) -> Any:
        model = more.pop("model", self._model)
        whole = isinstance(content, list) and "role" in content[0]
        messages = content if whole else [{"role": "user", "content": content}]
        return self._client.chat.completions.create(model=model, messages=messages, **more)

    def text(self) -> None:
        """An answer in one piece, with a system message."""
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": driven.HELLO}]
        answer = self._ask(messages, max_tokens=200, temperature=0.5)
        if self._setup.simulated:
            equal(answer.choices[0].message.content, driven.ECHO, "content")
            equal(self._ask([{**messages[0]}, {"role": "user", "content": "SYSTEM"}]).choices[0].message.content,
                  "System: Be brief.", "system text")  # fmt: skip
        need(bool(answer.choices[0].message.content), "no content")
        equal(answer.choices[0].finish_reason, "stop", "finish")
        need(answer.id != "" and answer.object == "chat.completion", answer)

    def stream(self) -> None:
        """Chunks with one id, a role, a finish reason and usage when asked."""
        chunks = list(self._ask(driven.HELLO, stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        if self._setup.simulated:
            equal(text, driven.ECHO, "content")
        need(len(chunks) > 3, f"{len(chunks)} chunks")
        equal(len({chunk.id for chunk in chunks}), 1, "ids")
        equal(chunks[0].choices[0].delta.role, "assistant", "first role")
        reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        equal([reason for reason in reasons if reason], ["stop"], "finish reasons")
        usage = chunks[-1].usage
        equal(usage.prompt_tokens + usage.completion_tokens, usage.total_tokens, "total")
        plain = list(self._ask(driven.HELLO, stream=True))
        need(all(chunk.choices for chunk in plain), "usage came unasked")

    def tools(self) -> None:
        """Two parallel calls and back, not streamed."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": driven.TWO_TOOLS}]
        answer = self._ask(messages, tools=TOOLS).choices[0]
        equal(answer.finish_reason, "tool_calls", "finish")
        self._round(messages, answer.message.model_dump(exclude_none=True), tools=TOOLS)

    def tools_stream(self) -> None:
        """Two parallel calls and back, through the stream helper."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": driven.TWO_TOOLS}]
        kinds = set()
        with self._client.chat.completions.stream(model=self._model, messages=messages, tools=TOOLS) as stream:
            for event in stream:
                kinds.add(event.type)
            answer = stream.get_final_completion().choices[0]
        need("tool_calls.function.arguments.delta" in kinds, kinds)
        equal(answer.finish_reason, "tool_calls", "finish")
        calls = [{"id": call.id, "type": "function",
                  "function": {"name": call.function.name, "arguments": call.function.arguments}}
                 for call in answer.message.tool_calls or []]  # fmt: skip
        message = {"role": "assistant", "content": answer.message.content, "tool_calls": calls}
        self._round(messages, message, tools=TOOLS)

    def _round(self, messages: list[Any], message: Any, **more: Any) -> None:
        calls = message["tool_calls"]
        driven.both(call["function"]["name"] for call in calls)
        need(len({call["id"] for call in calls}) == 2, "ids are not unique")
        messages.append(message)
        for call in calls:
            name = call["function"]["name"]
            driven.arguments(name, json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": driven.RESULTS[name]})
        last = self._ask(messages, **more)
        driven.final(last.choices[0].message.content)
        if last.usage.prompt_tokens_details is not None:
            need(0 < last.usage.prompt_tokens_details.cached_tokens < last.usage.prompt_tokens, last.usage)

    def forced_tool(self) -> None:
        """A forced tool is called; `none` calls none."""
        self._simulated()
        forced: Any = {"type": "function", "function": {"name": "get_time"}}
        answer = self._ask("anything", tools=TOOLS, tool_choice=forced).choices[0].message
        equal([call.function.name for call in answer.tool_calls], ["get_time"], "forced")
        free = self._ask(driven.TWO_TOOLS, tools=TOOLS, tool_choice="none").choices[0].message
        need(not free.tool_calls, free)
        some = self._ask("anything", tools=TOOLS, tool_choice="required").choices[0].message
        equal([call.function.name for call in some.tool_calls], ["get_weather"], "required")

    def thinking(self) -> None:
        """Reasoning effort, streamed, through a loop of two tool steps: signatures must survive or be mended."""
        self._simulated()
        messages: list[Any] = [{"role": "user", "content": driven.THINK_TOOLS}]
        more: Any = {"model": self._setup.think_model, "reasoning_effort": "medium", "tools": TOOLS}
        for step in ("get_weather", "get_time"):
            answer = self._ask(messages, **more)
            need(answer.usage.completion_tokens_details.reasoning_tokens > 0, answer.usage)
            calls = answer.choices[0].message.tool_calls or []
            equal([call.function.name for call in calls], [step], "calls")
            messages.append(answer.choices[0].message.model_dump(exclude_none=True))
            messages.append({"role": "tool", "tool_call_id": calls[0].id, "content": driven.RESULTS[step]})
        chunks = list(self._ask(messages, stream=True, **more))
        has("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), "get_time gave noon")

    def structured(self) -> None:
        """`parse` gives an object of the type asked for."""
        self._simulated()
        messages: Any = [{"role": "user", "content": "a dog"}]
        answer = self._client.chat.completions.parse(model=self._model, messages=messages, response_format=Dog)
        equal(answer.choices[0].message.parsed, Dog(name="name grüße 😀", age=7, tags=["tags grüße 😀"]), "parsed")

    def image(self) -> None:
        """An inline picture arrives as it was sent."""
        self._simulated()
        url = "data:image/png;base64," + base64.b64encode(driven.PNG).decode()
        content = [{"type": "text", "text": "MEDIA"}, {"type": "image_url", "image_url": {"url": url}}]
        has(self._ask(content).choices[0].message.content, f"image/png of {len(driven.PNG)} bytes")

    def length(self) -> None:
        """A cut answer says so."""
        self._simulated()
        equal(self._ask("LENGTH").choices[0].finish_reason, "length", "finish")

    def bad_request(self) -> None:
        """An unknown kind of part is a 400 with the OpenAI envelope."""
        content = [{"type": "hologram", "hologram": {}}]
        error = driven.raises(openai.BadRequestError, lambda: self._ask(content))
        need(isinstance(error.body, dict) and error.body.get("type") == "invalid_request_error", error.body)

    def unknown_model(self) -> None:
        """An unknown model is a 404."""
        driven.raises(openai.NotFoundError, lambda: self._ask("hi", model="no-such-model"))

    def bad_key(self) -> None:
        """A wrong key is a 401 of the one who was asked."""
        client = openai.OpenAI(base_url=self._setup.base_url, api_key="wrong", max_retries=0, timeout=30)
        messages: Any = [{"role": "user", "content": "hi"}]
        driven.raises(
            openai.AuthenticationError,
            lambda: client.chat.completions.create(model=self._model, messages=messages),
        )

    def models(self) -> None:
        """The list is not empty and in OpenAI's shape."""
        entries = list(self._client.models.list())
        need(len(entries) > 0 and all(entry.object == "model" for entry in entries), entries)

    def embeddings(self) -> None:
        """Vectors in base64, the SDK's default, and as numbers."""
        if self._setup.embed_model == "":
            raise Skipped("no embedding model behind this")
        answer = self._client.embeddings.create(model=self._setup.embed_model, input=["a", "b"])
        plain = self._client.embeddings.create(model=self._setup.embed_model, input=["a", "b"], encoding_format="float")
        equal([entry.index for entry in answer.data], [0, 1], "indices")
        need(len(answer.data[0].embedding) == 8, answer.data[0].embedding)
        equal([entry.embedding for entry in answer.data], [entry.embedding for entry in plain.data], "vectors")

    def midstream(self) -> None:
        """An error in the middle of a stream is raised."""
        self._simulated()
        error = driven.raises(openai.APIError, lambda: list(self._ask(driven.BREAK, stream=True)))
        need(not isinstance(error, openai.APIConnectionError), f"{type(error)} {error}")

    def _simulated(self) -> None:
        if not self._setup.simulated:
            raise Skipped("the demo provider answers in its own words")


def cases(setup: Setup) -> dict[str, Any]:
    """The cases in the order in which they run."""
    one = ChatCases(setup)
    names = [name for name in vars(ChatCases) if not name.startswith("_")]
    return {name: getattr(one, name) for name in names}
