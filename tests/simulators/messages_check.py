"""What Anthropic's Messages interface refuses at the top of a request, and what is left of one that it takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from tests.simulators import messages_blocks as blocks
from tests.simulators import schemas
from tests.simulators.models import Model
from tests.simulators.prompt import Prompt
from tests.simulators.refusal import anthropic

TOP = frozenset(
    [
        "model",
        "messages",
        "max_tokens",
        "system",
        "metadata",
        "stop_sequences",
        "stream",
        "temperature",
        "top_k",
        "top_p",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "service_tier",
        "cache_control",
        "container",
        "inference_geo",
        "user_profile_id",
        "workspace_id",
        "diagnostics",
    ]
)
# Keys that need a beta, and a word of the name of that beta.
BETA = {
    "context_management": "context-management",
    "mcp_servers": "mcp-client",
    "output_format": "structured-outputs",
    "thread": "message-threads",
    "speed": "fast-mode",
    "safeguards": "dangerous-tool-use",
}
TOOL = frozenset(
    {
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "cache_control",
        "defer_loading",
        "eager_input_streaming",
        "input_examples",
        "allowed_callers",
    }
)
TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
CHOICES = {"auto": "", "any": "*", "none": "-"}


def extra(value: Any, allowed: Collection[str], path: str) -> Mapping[str, Any]:
    """An object with only `allowed` keys."""
    if not isinstance(value, dict):
        raise anthropic(f"{path}: Input should be a valid dictionary")
    for key in value:
        if key not in allowed:
            raise anthropic(
                f"{path}.{key}: Extra inputs are not permitted" if path else f"{key}: Extra inputs are not permitted"
            )
    return value


def check(
    body: Mapping[str, Any], facts: Model, digest: str, headers: Mapping[str, str], *, counting: bool = False
) -> Prompt:
    """Refuse what the real server refuses. `counting`: for count_tokens, which takes no limit."""
    betas = headers.get("anthropic-beta", "")
    allowed = TOP | {key for key, word in BETA.items() if word in betas}
    if headers["anthropic-version"] >= "2026-10-21":
        allowed -= {"temperature", "top_k", "top_p"}
    if counting:
        allowed -= {"max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata"}
    extra(body, allowed, "")
    prompt = Prompt(
        dialect="messages", model=body["model"], facts=facts, digest=digest, stream=body.get("stream") is True
    )
    if not counting:
        _limit(body, prompt)
    if "messages" not in body:
        raise anthropic("messages: Field required")
    _thinking(body, prompt)
    _sampling(body, prompt)
    _output(body, prompt)
    _tools(body, prompt)
    if body.get("metadata") is not None:
        extra(body["metadata"], {"user_id"}, "metadata")
    if body.get("service_tier") not in (None, "auto", "standard_only"):
        raise anthropic("service_tier: Input should be 'auto' or 'standard_only'")
    marks = blocks.read(body, prompt)
    marks += _marked(body, prompt)
    if marks > 4:
        raise anthropic(f"A maximum of 4 blocks with cache_control may be provided. Found {marks}.")
    prompt.marked = marks > 0
    return prompt


def _limit(body: Mapping[str, Any], prompt: Prompt) -> None:
    limit = body.get("max_tokens")
    if limit is None:
        raise anthropic("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise anthropic("max_tokens: Input should be a valid integer")
    if limit < 0:
        raise anthropic("max_tokens: Input should be greater than or equal to 0")
    if limit > prompt.facts.output:
        raise anthropic(
            f"max_tokens: {limit} > {prompt.facts.output}, which is the maximum allowed number of output "
            f"tokens for {prompt.model}"
        )
    prompt.limit = limit
    for number, stop in enumerate(body.get("stop_sequences") or []):
        if not isinstance(stop, str) or stop.strip() == "":
            raise anthropic(f"stop_sequences.{number}: each stop sequence must contain non-whitespace")
    prompt.stops = tuple(body.get("stop_sequences") or ())


def _thinking(body: Mapping[str, Any], prompt: Prompt) -> None:
    thinking, facts = body.get("thinking"), prompt.facts
    if thinking is None:
        prompt.thinks = not facts.off or facts.family == "claude-5"
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind == "enabled":
        extra(thinking, {"type", "budget_tokens", "display"}, "thinking.enabled")
        budget = thinking.get("budget_tokens")
        if not facts.enabled:
            raise anthropic(
                '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" '
                'and "output_config.effort" to control thinking behavior.'
            )
        if not isinstance(budget, int):
            raise anthropic("thinking.enabled.budget_tokens: Field required")
        if budget < 1024:
            raise anthropic("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        if prompt.limit is not None and budget >= prompt.limit:
            raise anthropic(
                "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
                "documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
                "#max-tokens-and-context-window-size"
            )
    elif kind == "adaptive":
        extra(thinking, {"type", "display"}, "thinking.adaptive")
        if not facts.adaptive:
            raise anthropic("adaptive thinking is not supported on this model")
    elif kind == "disabled":
        extra(thinking, {"type"}, "thinking.disabled")
        if not facts.off:
            raise anthropic('thinking.type: "disabled" is not supported on this model.')
    else:
        raise anthropic(
            f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags: "
            "'adaptive', 'disabled', 'enabled'"
        )
    prompt.thinks = kind != "disabled"
    prompt.always_thinks = kind == "enabled"
    # From 4.7 on the text is left out unless asked for.
    shown = "summarized" if facts.sampling else "omitted"
    prompt.shows = thinking.get("display", shown) != "omitted"


def _sampling(body: Mapping[str, Any], prompt: Prompt) -> None:
    heat, top = body.get("temperature"), body.get("top_p")
    if heat is not None and not 0 <= heat <= 1:
        raise anthropic("temperature: range: 0..1")
    if not prompt.facts.sampling:
        for key, default in (("temperature", 1), ("top_p", 1), ("top_k", None)):
            if body.get(key) not in (None, default):
                raise anthropic(f"`{key}` is not supported on this model.")
    if heat is not None and top is not None:
        raise anthropic("`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
    if body.get("thinking") is not None and prompt.thinks:
        if heat not in (None, 1):
            raise anthropic(
                "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please "
                "consult our documentation at https://docs.claude.com/en/docs/build-with-claude/"
                "extended-thinking#important-considerations-when-using-extended-thinking"
            )
        if body.get("top_k") is not None:
            raise anthropic("`top_k` must be unset when thinking is enabled.")


def _output(body: Mapping[str, Any], prompt: Prompt) -> None:
    config = body.get("output_config")
    if config is None:
        return
    extra(config, {"effort", "format", "task_budget"}, "output_config")
    effort = config.get("effort")
    if effort is not None and not prompt.facts.efforts:
        raise anthropic("This model does not support the effort parameter.")
    if effort is not None and effort not in prompt.facts.efforts:
        known = ", ".join(sorted(prompt.facts.efforts))
        raise anthropic(f"This model does not support effort level '{effort}'. Supported levels: {known}.")
    form = config.get("format")
    if form is None:
        return
    extra(form, {"type", "schema"}, "output_config.format")
    if form.get("type") != "json_schema":
        raise anthropic("output_config.format.type: Input should be 'json_schema'")
    if (fault := schemas.anthropic_format(form.get("schema"))) is not None:
        raise anthropic(f"output_config.format.schema: {fault}")
    prompt.schema = form["schema"]


def _tools(body: Mapping[str, Any], prompt: Prompt) -> None:
    tools, choice = body.get("tools"), body.get("tool_choice")
    names: dict[str, Any] = {}
    for number, tool in enumerate(tools or []):
        name = _tool(tool, f"tools.{number}")
        if name in names:
            raise anthropic("tools: Tool names must be unique.")
        names[name] = tool.get("input_schema")
    prompt.tools = {name: schema for name, schema in names.items() if schema is not None}
    if choice is None:
        return
    if not names:
        raise anthropic("tool_choice: may only be specified while providing tools.")
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in ("auto", "any", "tool", "none"):
        raise anthropic(
            f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the expected tags: "
            "'any', 'auto', 'none', 'tool'"
        )
    keys = {"tool": {"type", "name", "disable_parallel_tool_use"}, "none": {"type"}}
    extra(choice, keys.get(kind, {"type", "disable_parallel_tool_use"}), f"tool_choice.{kind}")
    if kind == "tool" and choice.get("name") not in names:
        raise anthropic(f"tool_choice: Tool '{choice.get('name')}' not found in provided tools")
    if kind in ("any", "tool"):
        if body.get("thinking") is not None and prompt.thinks:
            raise anthropic("Thinking may not be enabled when tool_choice forces tool use.")
        if not prompt.facts.forced:
            raise anthropic(f'tool_choice: type "{kind}" is not supported on this model.')
    prompt.forced = choice["name"] if kind == "tool" else CHOICES[kind]
    prompt.parallel = choice.get("disable_parallel_tool_use") is not True


def _tool(tool: Any, path: str) -> str:
    if not isinstance(tool, dict):
        raise anthropic(f"{path}: Input should be a valid dictionary")
    if tool.get("type", "custom") not in ("custom", None):
        return str(tool.get("name", tool["type"]))
    extra(tool, TOOL, f"{path}.custom")
    name = tool.get("name")
    if not isinstance(name, str) or not TOOL_NAME.match(name):
        raise anthropic(f"{path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise anthropic(f"{path}.custom.input_schema: Field required")
    if schema.get("type") != "object":
        raise anthropic(f"{path}.custom.input_schema.type: Input should be 'object'")
    if tool.get("strict") is True and (fault := schemas.anthropic_format(schema)) is not None:
        raise anthropic(f"{path}.custom: {fault}")
    return name


def _marked(body: Mapping[str, Any], prompt: Prompt) -> int:
    marked = [tool for tool in body.get("tools") or [] if tool.get("cache_control") is not None]
    return len(marked) + (body.get("cache_control") is not None)
