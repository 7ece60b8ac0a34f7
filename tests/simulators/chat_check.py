"""What Chat Completions refuses, and what is left of a request that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators import chat_tools
from tests.simulators import openai_rules as rules
from tests.simulators.models import Model
from tests.simulators.prompt import Prompt, Result
from tests.simulators.refusal import openai

TOP = frozenset(
    [
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    ]
)
MESSAGE = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    # The official SDK echoes `annotations` and, from its stream helper, the `index` of a call.
    "assistant": frozenset(
        {"role", "content", "name", "refusal", "tool_calls", "function_call", "audio", "annotations"}
    ),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
PARTS = {
    "system": ("text",),
    "developer": ("text",),
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
    "tool": ("text",),
}
PART_KEYS = {
    "text": {"type", "text", "prompt_cache_breakpoint"},
    "image_url": {"type", "image_url", "prompt_cache_breakpoint"},
    "input_audio": {"type", "input_audio", "prompt_cache_breakpoint"},
    "file": {"type", "file", "prompt_cache_breakpoint"},
    "refusal": {"type", "refusal"},
}
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")


def check(body: Mapping[str, Any], facts: Model, digest: str) -> Prompt:
    """Refuse what the real server refuses; else the prompt."""
    for key in body:
        if key not in TOP:
            raise openai(f"Unrecognized request argument supplied: {key}")
    prompt = Prompt(dialect="chat", model=body["model"], facts=facts, digest=digest, stream=body.get("stream") is True)
    messages = rules.typed(rules.required(body, "messages", ""), list, "messages", "an array of objects")
    if not messages:
        raise openai(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "messages",
            "empty_array",
        )
    chat_tools.read(body, prompt)
    _messages(messages, prompt)
    _settings(body, prompt)
    _format(body, prompt)
    return prompt


def _settings(body: Mapping[str, Any], prompt: Prompt) -> None:
    facts, effort = prompt.facts, body.get("reasoning_effort")
    rules.effort_known(effort, facts, "reasoning_effort")
    rules.sampling(body, facts, effort)
    rules.metadata(body.get("metadata"))
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise openai("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    if body.get("max_tokens") is not None and facts.efforts:
        raise openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    for key in ("max_tokens", "max_completion_tokens"):
        rules.between(body.get(key), 1, facts.output, key)
        if body.get(key) is not None:
            prompt.limit = body[key]
    if body.get("stream_options") is not None:
        if not prompt.stream:
            raise openai("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
        rules.known(body["stream_options"], {"include_usage", "include_obfuscation"}, "stream_options")
    rules.between(body.get("n"), 1, 128, "n")
    if body.get("service_tier") is not None:
        rules.one_of(body["service_tier"], TIERS, "service_tier")
    if body.get("verbosity") is not None:
        rules.one_of(body["verbosity"], ("low", "medium", "high"), "verbosity")
    if body.get("top_logprobs") is not None and body.get("logprobs") is not True:
        raise openai("'top_logprobs' is only allowed when 'logprobs' is enabled.", "top_logprobs")
    _stops(body.get("stop"), prompt)
    prompt.thinks = facts.reasoning and effort != "none"
    prompt.always_thinks = prompt.thinks and effort is not None
    prompt.shows = facts.exposes
    options = body.get("stream_options") or {}
    prompt.echo = {
        "n": body.get("n") or 1,
        "include_usage": options.get("include_usage") is True,
        "service_tier": rules.served(body.get("service_tier")),
    }


def _stops(stop: Any, prompt: Prompt) -> None:
    if stop is None:
        return
    if prompt.facts.efforts:
        raise openai("Unsupported parameter: 'stop' is not supported with this model.", "stop", "unsupported_parameter")
    stops = [stop] if isinstance(stop, str) else rules.typed(stop, list, "stop", "a string or array of strings")
    if len(stops) > 4:
        raise openai(
            "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with "
            f"length {len(stops)} instead.",
            "stop",
            "array_above_max_length",
        )
    prompt.stops = tuple(stops)


def _format(body: Mapping[str, Any], prompt: Prompt) -> None:
    form = body.get("response_format")
    if form is None:
        return
    kind = rules.one_of(
        rules.required(form, "type", "response_format"), ("text", "json_object", "json_schema"), "response_format.type"
    )
    if kind == "json_schema":
        rules.known(form, {"type", "json_schema"}, "response_format")
        inner = rules.known(
            rules.required(form, "json_schema", "response_format"),
            {"name", "schema", "strict", "description"},
            "response_format.json_schema",
        )
        prompt.schema = rules.output_schema(inner, "response_format.json_schema")
    else:
        rules.known(form, {"type"}, "response_format")
        prompt.wants_json = kind == "json_object"
        if prompt.wants_json and "json" not in prompt.everything.lower():
            raise openai(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                "messages",
            )


def _messages(messages: list[Any], prompt: Prompt) -> None:
    pending: dict[str, str] = {}
    answered: set[str] = set()
    texts: list[str] = []
    for number, message in enumerate(messages):
        path = f"messages[{number}]"
        role = rules.one_of(rules.required(message, "role", path), tuple(MESSAGE), f"{path}.role")
        allowed = MESSAGE[role] | ({"reasoning_content"} if prompt.facts.exposes else frozenset())
        rules.known(message, allowed, path)
        if role != "tool":
            _all_answered(pending, answered, number)
            pending, answered = {}, set()
        text = _content(message, role, path, prompt)
        texts.append(text)
        if role in ("system", "developer"):
            prompt.system = f"{prompt.system}\n{text}".strip()
        elif role == "user":
            prompt.said, prompt.steps, prompt.results = text, 0, []
        elif role == "assistant":
            pending = _calls(message, path, prompt)
            prompt.answered = True
            prompt.steps += 1 if pending else 0
            prompt.results = []
            texts.extend(pending.values())
        else:
            _result(message, pending, answered, text, number, prompt)
    _all_answered(pending, answered, len(messages))
    prompt.turns = len(messages)
    prompt.everything = "\n".join(texts)


def _all_answered(pending: Mapping[str, str], answered: set[str], number: int) -> None:
    if missing := [call for call in pending if call not in answered]:
        raise openai(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: " + ", ".join(missing),
            f"messages.[{number}].role",
        )


def _result(
    message: Mapping[str, Any], pending: Mapping[str, str], answered: set[str], text: str, number: int, prompt: Prompt
) -> None:
    call = rules.required(message, "tool_call_id", f"messages[{number}]")
    if call not in pending or call in answered:
        raise openai(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
            "'tool_calls'.",
            f"messages.[{number}].role",
        )
    answered.add(call)
    prompt.results.append(Result(call, pending[call].split("\n", 1)[0], text))


def _calls(message: Mapping[str, Any], path: str, prompt: Prompt) -> dict[str, str]:
    calls = message.get("tool_calls")
    if calls is None:
        return {}
    if not rules.typed(calls, list, f"{path}.tool_calls", "an array of objects"):
        raise openai(
            f"Invalid '{path}.tool_calls': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            f"{path}.tool_calls",
            "empty_array",
        )
    found: dict[str, str] = {}
    for number, call in enumerate(calls):
        where = f"{path}.tool_calls[{number}]"
        kind = rules.one_of(rules.required(call, "type", where), ("function", "custom"), f"{where}.type")
        rules.known(call, {"id", "type", "index", kind}, where)
        rules.short(
            rules.typed(rules.required(call, "id", where), str, f"{where}.id", "a string"),
            prompt.facts.ids,
            f"{where}.id",
        )
        inner = rules.required(call, kind, where)
        field = "arguments" if kind == "function" else "input"
        rules.known(inner, {"name", field}, f"{where}.{kind}")
        name = rules.named(rules.required(inner, "name", f"{where}.{kind}"), f"{where}.{kind}.name")
        text = rules.typed(rules.required(inner, field, where), str, f"{where}.{kind}.{field}", "a string")
        found[call["id"]] = f"{name}\n{text}"
    return found


def _content(message: Mapping[str, Any], role: str, path: str, prompt: Prompt) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if content is None:
        if role == "assistant" and (message.get("tool_calls") or message.get("refusal") or message.get("audio")):
            return ""
        raise openai("Invalid value for 'content': expected a string, got null.", f"{path}.content")
    parts = rules.typed(content, list, f"{path}.content", "one of a string or array of objects")
    if not parts:
        raise openai(
            f"Invalid '{path}.content': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            f"{path}.content",
            "empty_array",
        )
    return "".join(_part(part, role, f"{path}.content[{number}]", prompt) for number, part in enumerate(parts))


def _part(part: Any, role: str, path: str, prompt: Prompt) -> str:
    kind = rules.one_of(rules.required(part, "type", path), PARTS[role], f"{path}.type")
    rules.known(part, PART_KEYS[kind], path)
    inner = rules.required(part, kind, path)
    if kind in ("text", "refusal"):
        return str(rules.typed(inner, str, f"{path}.{kind}", "a string"))
    if kind == "image_url":
        rules.known(inner, {"url", "detail"}, f"{path}.image_url")
        prompt.media.append(rules.image(rules.required(inner, "url", f"{path}.image_url"), f"{path}.image_url.url"))
    elif kind == "file":
        rules.known(inner, {"filename", "file_data", "file_id"}, f"{path}.file")
        prompt.media.append(rules.document(inner.get("file_data"), f"{path}.file.file_data"))
    else:
        rules.known(inner, {"data", "format"}, f"{path}.input_audio")
        rules.one_of(inner.get("format"), ("wav", "mp3"), f"{path}.input_audio.format")
        prompt.media.append(f"audio {inner['format']}")
    return ""
