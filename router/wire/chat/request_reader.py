"""A Chat Completions request body to the neutral conversation.

Keys without a neutral field stay under ``extra["chat"]`` and are written back by the writer of this dialect.
Source: OpenAI's OpenAPI description of ``POST /chat/completions``; unknown keys are no mistake, clients add many.
"""

from __future__ import annotations

from typing import Any

from router.faults import bad_request
from router.wire.chat.extras import kept
from router.wire.chat.history_reader import read_messages
from router.wire.chat.tools import read_choice, read_tools
from router.wire.checked import at_least, check, optional, required, rest
from router.wire.conversation import EFFORTS, Conversation, JsonObject, OutputFormat, Reasoning, Sampling

_TIERS = ("auto", "default", "flex", "priority")
_KNOWN = frozenset(
    (
        "model",
        "messages",
        "tools",
        "functions",
        "web_search_options",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "temperature",
        "top_p",
        "top_k",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "logit_bias",
        "reasoning_effort",
        "max_completion_tokens",
        "max_tokens",
        "stop",
        "n",
        "logprobs",
        "top_logprobs",
        "verbosity",
        "modalities",
        "metadata",
        "prompt_cache_key",
        "store",
        "stream",
        "stream_options",
    )
)


def read_request(body: JsonObject, model: str | None = None, stream: bool | None = None) -> Conversation:
    """The request; `model` and `stream` from the path win. Raises `Fault` bad_request that names the JSON path."""
    messages = required(body, "messages", "an array")
    if not messages:
        raise bad_request("messages must hold at least one message.", "messages")
    system, turns = read_messages(messages)
    options = optional(body, "stream_options", "an object") or {}
    top_logprobs = optional(body, "top_logprobs", "an integer")
    logprobs = optional(body, "logprobs", "a boolean")
    return Conversation(
        dialect="chat",
        model=model if model is not None else _model(body),
        system=system,
        turns=turns,
        tools=read_tools(body),
        tool_choice=read_choice(body),
        parallel_tool_calls=optional(body, "parallel_tool_calls", "a boolean"),
        output=_output(body),
        sampling=_sampling(body),
        reasoning=_reasoning(body),
        max_tokens=_limit(body),
        stop=_stop(body),
        n=_count(body, "n"),
        logprobs=(top_logprobs or 0) if logprobs else None,
        verbosity=optional(body, "verbosity", "a string"),
        modalities=_strings(body, "modalities"),
        service_tier=tier if (tier := optional(body, "service_tier", "a string")) in _TIERS else None,
        user=_user(body),
        metadata=optional(body, "metadata", "an object") or {},
        cache_key=optional(body, "prompt_cache_key", "a string"),
        store=optional(body, "store", "a boolean"),
        stream=stream if stream is not None else optional(body, "stream", "a boolean") is True,
        include_usage=optional(options, "include_usage", "a boolean", "stream_options") is True,
        extra=kept(_others(body, options)),
    )


def _model(body: JsonObject) -> str:
    model: str = required(body, "model", "a string")
    if not model.strip():
        raise bad_request("model is empty; name a model, GET /v1/models lists them.", "model")
    return model


def _others(body: JsonObject, options: JsonObject) -> JsonObject:
    others = {key: value for key, value in rest(body, _KNOWN).items() if value is not None}
    if others.get("service_tier") in _TIERS:
        del others["service_tier"]
    more = rest(options, ("include_usage",))
    if more:
        others["stream_options"] = more
    return others


def _sampling(body: JsonObject) -> Sampling:
    return Sampling(
        temperature=optional(body, "temperature", "a number"),
        top_p=optional(body, "top_p", "a number"),
        top_k=optional(body, "top_k", "an integer"),
        presence_penalty=optional(body, "presence_penalty", "a number"),
        frequency_penalty=optional(body, "frequency_penalty", "a number"),
        seed=optional(body, "seed", "an integer"),
        logit_bias=optional(body, "logit_bias", "an object"),
    )


def _reasoning(body: JsonObject) -> Reasoning:
    """`reasoning_effort`; OpenRouter's `reasoning` object and Anthropic's `thinking` are common in this dialect too."""
    effort = optional(body, "reasoning_effort", "a string")
    path = "reasoning_effort"
    given = body.get("reasoning")
    budget, show = None, None
    if isinstance(given, dict):
        if effort is None:
            effort, path = optional(given, "effort", "a string", "reasoning"), "reasoning.effort"
        if given.get("enabled") is False and effort is None:
            effort = "none"
        budget = optional(given, "max_tokens", "an integer", "reasoning")
        exclude = optional(given, "exclude", "a boolean", "reasoning")
        show = None if exclude is None else not exclude
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and effort is None and budget is None:
        budget = optional(thinking, "budget_tokens", "an integer", "thinking")
        if thinking.get("type") == "disabled":
            effort = "none"
    if effort is not None and effort not in EFFORTS:
        raise bad_request(f'{path}: unknown effort "{effort}"; known are {", ".join(EFFORTS)}.', path)
    return Reasoning(effort=effort, budget=budget, show=show)


def _limit(body: JsonObject) -> int | None:
    """The newer key wins where both are given."""
    for key in ("max_completion_tokens", "max_tokens"):
        value: int | None = optional(body, key, "an integer")
        if value is not None:
            at_least(value, 1, key)
            return value
    return None


def _count(body: JsonObject, key: str) -> int | None:
    value: int | None = optional(body, key, "an integer")
    at_least(value, 1, key)
    return value


def _stop(body: JsonObject) -> tuple[str, ...]:
    value = body.get("stop")
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(entry for entry in _strings(body, "stop") if entry)


def _strings(body: JsonObject, key: str) -> tuple[str, ...]:
    values = optional(body, key, "an array") or []
    return tuple(check(value, "a string", f"{key}[{index}]") for index, value in enumerate(values))


def _user(body: JsonObject) -> str | None:
    """`safety_identifier` replaces the deprecated `user`; both stay in the side channel as they were."""
    identifier: str | None = optional(body, "safety_identifier", "a string")
    user: str | None = optional(body, "user", "a string")
    return identifier if identifier is not None else user


def _output(body: JsonObject) -> OutputFormat | None:
    form = optional(body, "response_format", "an object")
    if form is None:
        return None
    kind: Any = form.get("type")
    if kind == "text":
        return OutputFormat("text")
    if kind == "json_object":
        return OutputFormat("json")
    if kind != "json_schema":
        where = "response_format.type"
        raise bad_request(f'{where}: unknown type "{kind}"; known are text, json_object, json_schema.', where)
    where = "response_format.json_schema"
    inner = required(form, "json_schema", "an object", "response_format")
    return OutputFormat(
        "schema",
        optional(inner, "schema", "an object", where),
        optional(inner, "name", "a string", where),
        optional(inner, "description", "a string", where),
        optional(inner, "strict", "a boolean", where),
    )
