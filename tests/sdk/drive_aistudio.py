"""The cases of all four SDKs before the AI Studio service, whose stand-in page answers word for word.

Each kind of error is for a router of its own: what it does to the account lasts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import anthropic
import driven
import openai
from driven import Setup, equal, has, need
from google import genai
from google.genai import errors, types

FIND = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}
ABOUT = "finds things"
ARGUMENTS = {"what": "grüße 👩‍🚀"}
CALL = f"TOOLS find {json.dumps(ARGUMENTS, ensure_ascii=False)}"
THOUGHT = "Let me think about this. "
TOAST = "Failed to generate content. Please try again."


@dataclass
class Said:
    """An answer, the same for every dialect. finish: as the dialect has it. pieces: of a stream."""

    text: str = ""
    thought: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    finish: str = ""
    counts: tuple[int, int] = (0, 0)
    pieces: int = 0


class Chat:
    """The OpenAI SDK on Chat Completions."""

    stopped, called = "stop", "tool_calls"
    limited, failed = openai.RateLimitError, openai.InternalServerError

    def __init__(self, setup: Setup) -> None:
        self._model = setup.model
        self._client = openai.OpenAI(base_url=f"{setup.base_url}/v1", api_key=setup.key, max_retries=0, timeout=30)

    def ask(self, text: str, *, stream: bool, tools: bool = False, think: bool = False) -> Said:
        shown = {"reasoning": {"effort": "medium", "exclude": False}}  # Chat has no word of its own for that
        more: dict[str, Any] = {"extra_body": shown} if think else {}
        if tools:
            function = {"name": "find", "description": ABOUT, "parameters": FIND}
            more["tools"] = [{"type": "function", "function": function}]
        messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
        if not stream:
            return self._said(self._client.chat.completions.create(model=self._model, messages=messages, **more), 0)
        pieces = 0
        more["stream_options"] = {"include_usage": True}
        with self._client.chat.completions.stream(model=self._model, messages=messages, **more) as events:
            for event in events:
                pieces += event.type == "content.delta"
            return self._said(events.get_final_completion(), pieces)

    def _said(self, answer: Any, pieces: int) -> Said:
        message = answer.choices[0].message
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
        thought = getattr(message, "reasoning_content", None) or ""
        usage = answer.usage
        return Said(message.content or "", thought, calls, answer.choices[0].finish_reason,
                    (usage.prompt_tokens, usage.completion_tokens), pieces)  # fmt: skip


class Responses:
    """The OpenAI SDK on Responses."""

    stopped = called = "completed"
    limited, failed = openai.RateLimitError, openai.InternalServerError

    def __init__(self, setup: Setup) -> None:
        self._model = setup.model
        self._client = openai.OpenAI(base_url=f"{setup.base_url}/v1", api_key=setup.key, max_retries=0, timeout=30)

    def ask(self, text: str, *, stream: bool, tools: bool = False, think: bool = False) -> Said:
        more: dict[str, Any] = {"model": self._model, "input": text, "instructions": "Be brief."}
        if think:
            more["reasoning"] = {"effort": "medium", "summary": "auto"}
        if tools:
            more["tools"] = [{"type": "function", "name": "find", "description": ABOUT, "parameters": FIND}]
        if not stream:
            return self._said(self._client.responses.create(store=False, **more), 0)
        pieces = 0
        with self._client.responses.stream(store=False, **more) as events:
            for event in events:
                pieces += event.type == "response.output_text.delta"
            return self._said(events.get_final_response(), pieces)

    def _said(self, answer: Any, pieces: int) -> Said:
        thoughts = [part.text for item in answer.output if item.type == "reasoning" for part in item.summary]
        calls = [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
        counts = (answer.usage.input_tokens, answer.usage.output_tokens)
        return Said(answer.output_text, "".join(thoughts), calls, answer.status, counts, pieces)


class Messages:
    """The Anthropic SDK."""

    stopped, called = "end_turn", "tool_use"
    limited, failed = anthropic.RateLimitError, anthropic.InternalServerError

    def __init__(self, setup: Setup) -> None:
        self._model = setup.model
        self._client = anthropic.Anthropic(base_url=setup.base_url, api_key=setup.key, max_retries=0, timeout=30)

    def ask(self, text: str, *, stream: bool, tools: bool = False, think: bool = False) -> Said:
        more: dict[str, Any] = {"model": self._model, "max_tokens": 4000, "system": "Be brief."}
        more["messages"] = [{"role": "user", "content": text}]
        if think:
            more["thinking"] = {"type": "enabled", "budget_tokens": 2000}
        if tools:
            more["tools"] = [{"name": "find", "description": ABOUT, "input_schema": FIND}]
        if not stream:
            return self._said(self._client.messages.create(**more), 0)
        pieces = 0
        with self._client.messages.stream(**more) as events:
            for event in events:
                pieces += event.type == "text"
            return self._said(events.get_final_message(), pieces)

    def _said(self, answer: Any, pieces: int) -> Said:
        text = "".join(block.text for block in answer.content if block.type == "text")
        thought = "".join(block.thinking for block in answer.content if block.type == "thinking")
        calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
        counts = (answer.usage.input_tokens, answer.usage.output_tokens)
        return Said(text, thought, calls, answer.stop_reason, counts, pieces)


class Gemini:
    """google-genai."""

    stopped = called = "STOP"
    limited, failed = errors.ClientError, errors.ServerError

    def __init__(self, setup: Setup) -> None:
        self._model = setup.model
        options = types.HttpOptions(base_url=setup.base_url, timeout=30_000)
        self._client = genai.Client(api_key=setup.key, http_options=options)

    def ask(self, text: str, *, stream: bool, tools: bool = False, think: bool = False) -> Said:
        config: dict[str, Any] = {"system_instruction": "Be brief."}
        config["automatic_function_calling"] = types.AutomaticFunctionCallingConfig(disable=True)
        if think:
            config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_budget=2000)
        if tools:
            declared = types.FunctionDeclaration(name="find", description=ABOUT, parameters_json_schema=FIND)
            config["tools"] = [types.Tool(function_declarations=[declared])]
        how: Any = {"model": self._model, "contents": text, "config": types.GenerateContentConfig(**config)}
        if stream:
            return self._said(list(self._client.models.generate_content_stream(**how)))
        return self._said([self._client.models.generate_content(**how)])

    def _said(self, chunks: list[Any]) -> Said:
        said = Said(pieces=len(chunks))
        for chunk in chunks:
            for part in chunk.candidates[0].content.parts or []:
                if part.function_call:
                    said.calls.append((part.function_call.name, part.function_call.args))
                elif part.thought:
                    said.thought += part.text
                else:
                    said.text += part.text or ""
            said.finish = getattr(chunk.candidates[0].finish_reason, "name", "") or said.finish
            if chunk.usage_metadata and chunk.usage_metadata.candidates_token_count:
                usage = chunk.usage_metadata
                said.counts = (usage.prompt_token_count, usage.candidates_token_count)
        return said


CLIENTS: dict[str, type[Any]] = {"chat": Chat, "responses": Responses, "messages": Messages, "gemini": Gemini}


def _text(client: Any, stream: bool) -> None:
    """Every character, in several pieces where it is streamed, with an end and the page's own counts."""
    said = client.ask(driven.HELLO, stream=stream)
    equal((said.text, said.thought, said.calls), (f"You said: {driven.HELLO}", "", []), "answer")
    equal(said.finish, client.stopped, "finish")
    need(not stream or said.pieces > 0, "no pieces")
    need(said.counts[0] > 0 and said.counts[1] > 1, f"usage {said.counts}")


def _tools(client: Any, stream: bool) -> None:
    said = client.ask(CALL, stream=stream, tools=True)
    equal((said.text, said.calls, said.finish), ("", [("find", ARGUMENTS)], client.called), "call")


def _think(client: Any, stream: bool) -> None:
    said = client.ask("THINK hello", stream=stream, think=True)
    equal((said.text, said.thought), ("You said: THINK hello", THOUGHT), "answer")


def _both(client: Any, stream: bool) -> None:
    said = client.ask(f"THINK {CALL}", stream=stream, tools=True, think=True)
    equal((said.text, said.thought, said.calls), ("", THOUGHT, [("find", ARGUMENTS)]), "answer")


def _fails(client: Any, stream: bool) -> None:
    """What the page says is wrong, in the words of the page; the account rests for a moment, which is 503 (529)."""
    error = driven.raises(client.failed, lambda: client.ask("TOAST", stream=stream))
    need(_status(error) in (502, 503, 529), error)
    has(str(error), TOAST)


def _quota(client: Any, stream: bool) -> None:
    """The page's words, and how long to wait: first the page's own refusal, afterwards what the router remembers."""
    error = driven.raises(client.limited, lambda: client.ask("QUOTA", stream=stream))
    equal(_status(error), 429, "status")
    has(str(error), "exceeded quota")
    need(float(error.response.headers["retry-after"]) > 60, error.response.headers)


def _status(error: Any) -> int:
    return int(getattr(error, "status_code", None) or error.code)


_CASES: dict[str, Callable[[Any, bool], None]] = {
    "text": _text,
    "tools": _tools,
    "think": _think,
    "both": _both,
    "fails": _fails,
    "quota": _quota,
}


def _case(check: Callable[[Any, bool], None], client: Any, stream: bool) -> Callable[[], None]:
    return lambda: check(client, stream)


def cases(setup: Setup) -> dict[str, Callable[[], None]]:
    """The cases in the order in which they run: ``text chat``, ``text chat streamed`` and so on."""
    clients: Iterable[tuple[str, Any]] = [(name, kind(setup)) for name, kind in CLIENTS.items()]
    return {
        f"{case} {name}{' streamed' if stream else ''}": _case(check, client, stream)
        for case, check in _CASES.items()
        for name, client in clients
        for stream in (False, True)
    }
