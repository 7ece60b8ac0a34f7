"""The tools of Chat Completions: shapes, names, schemas, and what a choice may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.simulators import openai_rules as rules
from tests.simulators.prompt import Prompt
from tests.simulators.refusal import openai


def read(body: Mapping[str, Any], prompt: Prompt) -> None:
    """Check `tools` and `tool_choice` and fill the prompt."""
    declared, choice = body.get("tools"), body.get("tool_choice")
    if declared is None:
        for key in ("tool_choice", "parallel_tool_calls"):
            if body.get(key) is not None:
                raise openai(f"Invalid value for '{key}': '{key}' is only allowed when 'tools' are specified.", key)
        return
    schemas, free = {}, []
    names = []
    for number, tool in enumerate(rules.typed(declared, list, "tools", "an array of objects")):
        path = f"tools[{number}]"
        kind = rules.one_of(rules.required(tool, "type", path), ("function", "custom"), f"{path}.type")
        rules.known(tool, {"type", kind}, path)
        inner = rules.required(tool, kind, path)
        if kind == "function":
            rules.known(inner, {"name", "description", "parameters", "strict"}, f"{path}.function")
            name, schema = rules.function(inner, f"{path}.function", strict=inner.get("strict") is True)
            schemas[name] = schema
        else:
            rules.known(inner, {"name", "description", "format"}, f"{path}.custom")
            name = rules.named(rules.required(inner, "name", path), f"{path}.custom.name")
            schemas[name] = None
            free.append(name)
        names.append(name)
    rules.unique(names, "tools")
    prompt.tools, prompt.free_text = schemas, frozenset(free)
    prompt.forced = _choice(choice, schemas)
    prompt.parallel = body.get("parallel_tool_calls") is not False


def _choice(choice: Any, names: Mapping[str, Any]) -> str:
    if choice is None or isinstance(choice, str):
        words = {None: "", "auto": "", "none": "-", "required": "*"}
        if choice not in words:
            rules.one_of(choice, ("none", "auto", "required"), "tool_choice")
        return words[choice]
    kind = rules.one_of(
        rules.required(choice, "type", "tool_choice"), ("function", "custom", "allowed_tools"), "tool_choice.type"
    )
    rules.known(choice, {"type", kind}, "tool_choice")
    inner = rules.required(choice, kind, "tool_choice")
    if kind == "allowed_tools":
        rules.known(inner, {"mode", "tools"}, "tool_choice.allowed_tools")
        return "*" if inner["mode"] == "required" else ""
    name = rules.required(inner, "name", f"tool_choice.{kind}")
    if name not in names:
        raise openai(f"Tool choice '{kind}' not found in 'tools' parameter.", "tool_choice")
    return str(name)
