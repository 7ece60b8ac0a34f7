"""What the Responses interface refuses at the top of a request, and what is left of one that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators import openai_rules as rules
from tests.simulators import responses_items as items
from tests.simulators.models import Model
from tests.simulators.prompt import Prompt
from tests.simulators.refusal import openai

TOP = frozenset(
    [
        "background",
        "context_management",
        "conversation",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "moderation",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
        "client_metadata",
    ]
)
INCLUDE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
SERVED = frozenset(
    {
        "web_search",
        "web_search_preview",
        "code_interpreter",
        "file_search",
        "image_generation",
        "mcp",
        "computer_use_preview",
        "local_shell",
        "shell",
        "apply_patch",
        "tool_search",
    }
)
FUNCTION = frozenset(
    {
        "type",
        "name",
        "description",
        "parameters",
        "strict",
        "defer_loading",
        "output_schema",
        "allowed_callers",
        "async",
    }
)
TIERS = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")


def check(body: Mapping[str, Any], facts: Model, digest: str, stored: Mapping[str, list[Any]]) -> Prompt:
    """Refuse what the real server refuses. `stored`: finished responses by id, as items."""
    rules.known(body, TOP, "")
    prompt = Prompt(
        dialect="responses", model=body["model"], facts=facts, digest=digest, stream=body.get("stream") is True
    )
    settings(body, prompt)
    _tools(body, prompt)
    history: list[Any] = []
    previous = body.get("previous_response_id")
    if previous is not None:
        if previous not in stored:
            raise openai(
                f"Previous response with id '{previous}' not found.",
                "previous_response_id",
                "previous_response_not_found",
            )
        history = stored[previous]
    instructions = body.get("instructions")
    if instructions is not None:
        rules.typed(instructions, str, "instructions", "a string")
        prompt.system = instructions
    given = rules.required(body, "input", "")
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    rules.typed(given, list, "input", "one of a string or array of objects")
    items.read([*history, *given], prompt, store=body.get("store") is not False)
    if prompt.wants_json and "json" not in prompt.everything.lower():
        raise openai(
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'.",
            "input",
        )
    prompt.echo = {**_echo(body), "input": [*history, *given]}
    return prompt


def settings(body: Mapping[str, Any], prompt: Prompt) -> None:
    """Everything that is neither conversation nor tools."""
    facts = prompt.facts
    reasoning = body.get("reasoning")
    if reasoning is not None:
        rules.known(reasoning, {"effort", "summary", "generate_summary", "context", "mode"}, "reasoning")
        if not facts.reasoning and any(value is not None for value in reasoning.values()):
            key = next(iter(reasoning))
            raise openai(
                f"Unsupported parameter: 'reasoning.{key}' is not supported with this model.",
                f"reasoning.{key}",
                "unsupported_parameter",
            )
        rules.effort_known(reasoning.get("effort"), facts, "reasoning.effort")
        if reasoning.get("summary") is not None:
            rules.one_of(reasoning["summary"], ("auto", "concise", "detailed"), "reasoning.summary")
    reasoning = reasoning or {}
    effort = reasoning.get("effort")
    rules.sampling(body, facts, effort)
    rules.metadata(body.get("metadata"))
    rules.between(body.get("max_output_tokens"), 16, facts.output, "max_output_tokens")
    for number, value in enumerate(body.get("include") or []):
        rules.one_of(value, INCLUDE, f"include[{number}]")
    encrypted = "reasoning.encrypted_content" in (body.get("include") or [])
    if encrypted and not facts.reasoning:
        raise openai("Encrypted content is not supported with this model.", "include")
    if body.get("stream_options") is not None:
        rules.known(body["stream_options"], {"include_obfuscation"}, "stream_options")
        if not prompt.stream:
            raise openai("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if body.get("service_tier") is not None:
        rules.one_of(body["service_tier"], TIERS, "service_tier")
    if body.get("truncation") is not None:
        rules.one_of(body["truncation"], ("auto", "disabled"), "truncation")
    prompt.limit = body.get("max_output_tokens")
    prompt.thinks = facts.reasoning and effort != "none"
    prompt.always_thinks = prompt.thinks and effort is not None
    prompt.shows = reasoning.get("summary") is not None
    prompt.marked = encrypted
    _text(body.get("text"), prompt)


def _text(text: Any, prompt: Prompt) -> None:
    if text is None:
        return
    rules.known(text, {"format", "verbosity"}, "text")
    if text.get("verbosity") is not None:
        rules.one_of(text["verbosity"], ("low", "medium", "high"), "text.verbosity")
    form = text.get("format")
    if form is None:
        return
    kind = rules.one_of(
        rules.required(form, "type", "text.format"), ("text", "json_object", "json_schema"), "text.format.type"
    )
    keys = {"type", "name", "schema", "strict", "description"} if kind == "json_schema" else {"type"}
    rules.known(form, keys, "text.format")
    prompt.wants_json = kind == "json_object"
    if kind == "json_schema":
        rules.required(form, "schema", "text.format")
        prompt.schema = rules.output_schema(form, "text.format")


def _tools(body: Mapping[str, Any], prompt: Prompt) -> None:
    declared = body.get("tools")
    schemas: dict[str, Any] = {}
    free: list[str] = []
    names: list[str] = []
    for number, tool in enumerate(rules.typed(declared, list, "tools", "an array of objects") if declared else []):
        path = f"tools[{number}]"
        kind = rules.required(tool, "type", path)
        if kind == "function":
            rules.known(tool, FUNCTION, path)
            name, schema = rules.function(tool, path, strict=tool.get("strict") is True)
            schemas[name] = schema
        elif kind == "custom":
            rules.known(tool, {"type", "name", "description", "format", "defer_loading"}, path)
            name = rules.named(rules.required(tool, "name", path), f"{path}.name")
            schemas[name] = None
            free.append(name)
        elif kind == "namespace":
            name = rules.required(tool, "name", path)
        elif kind in SERVED:
            name = f"<{kind}>"
        else:
            rules.one_of(kind, ("function", "custom", "namespace", *sorted(SERVED)), f"{path}.type")
        names.append(name)
    if names:
        rules.unique(names, "tools")
    prompt.tools, prompt.free_text = schemas, frozenset(free)
    prompt.forced = _choice(body.get("tool_choice"), names)
    prompt.parallel = body.get("parallel_tool_calls") is not False


def _choice(choice: Any, names: list[str]) -> str:
    if choice is None or isinstance(choice, str):
        words = {None: "", "auto": "", "none": "-", "required": "*"}
        if choice not in words:
            rules.one_of(choice, ("none", "auto", "required"), "tool_choice")
        if choice == "required" and not names:
            raise openai("Tool choice 'required' must be specified with 'tools' parameter.", "tool_choice")
        return words[choice]
    kind = rules.required(choice, "type", "tool_choice")
    if kind == "allowed_tools":
        rules.known(choice, {"type", "mode", "tools"}, "tool_choice")
        return "*" if choice.get("mode") == "required" else ""
    if kind in SERVED:
        return ""
    rules.one_of(kind, ("function", "custom", "allowed_tools"), "tool_choice.type")
    rules.known(choice, {"type", "name"}, "tool_choice")
    name = rules.required(choice, "name", "tool_choice")
    if name not in names:
        raise openai(f"Tool choice '{kind}' not found in 'tools' parameter.", "tool_choice")
    return str(name)


def _echo(body: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that an answer repeats, with their defaults."""
    reasoning = body.get("reasoning") or {}
    text = body.get("text") or {}
    return {
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": rules.served(body.get("service_tier")),
        "store": body.get("store") is not False,
        "temperature": body.get("temperature", 1.0),
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": text.get("verbosity") or "medium"},
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation") or "disabled",
        "user": body.get("user"),
    }
