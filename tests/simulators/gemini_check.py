"""What Gemini refuses at the top of a request, and what is left of one that it takes."""

from __future__ import annotations

import re
from typing import Any

from tests.simulators import gemini_contents, gemini_proto
from tests.simulators.models import Model
from tests.simulators.prompt import Prompt
from tests.simulators.refusal import Json, gemini

NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")
TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "TYPE_UNSPECIFIED")
FORMATS = {"STRING": ("enum", "date-time"), "NUMBER": ("float", "double"), "INTEGER": ("int32", "int64")}
MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
BUILT_IN = ("googleSearch", "urlContext", "codeExecution", "googleMaps", "fileSearch", "computerUse")
LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH")


def check(body: Any, model: str, facts: Model, digest: str, *, stream: bool) -> Prompt:
    """Refuse what the real server refuses."""
    return build(gemini_proto.read(body, "GenerateContentRequest"), model, facts, digest, stream=stream)


def build(request: Json, model: str, facts: Model, digest: str, *, stream: bool = False) -> Prompt:
    """The prompt of a request whose fields have been read."""
    prompt = Prompt(dialect="gemini", model=model, facts=facts, digest=digest, stream=stream)
    if request.get("cachedContent") is not None and request.keys() & {"systemInstruction", "tools", "toolConfig"}:
        raise gemini(
            "CachedContent can not be used with GenerateContent request setting system_instruction, tools or "
            "tool_config."
        )
    _tools(request.get("tools") or [], prompt)
    _tool_config(request.get("toolConfig") or {}, prompt)
    _safety(request.get("safetySettings") or [])
    _generation(request.get("generationConfig") or {}, prompt)
    gemini_contents.read(request, prompt)
    return prompt


def _safety(settings: list[Json]) -> None:
    seen: set[str] = set()
    for number, setting in enumerate(settings):
        category = setting.get("category", "")
        if not category.startswith("HARM_CATEGORY_"):
            raise gemini(
                f"Invalid value at 'safety_settings[{number}].category' "
                f'(type.googleapis.com/google.ai.generativelanguage.v1beta.HarmCategory), "{category}"'
            )
        if category in seen:
            raise gemini(
                f"* GenerateContentRequest.safety_settings: element predicate failed: duplicate category {category}"
            )
        seen.add(category)


def _generation(config: Json, prompt: Prompt) -> None:
    if config.get("responseSchema") is not None and config.get("responseJsonSchema") is not None:
        raise gemini("Only one of response_schema and response_json_schema can be set in generation_config.")
    schema = config.get("responseSchema")
    kind = config.get("responseMimeType")
    if schema is not None:
        openapi(schema, "GenerateContentRequest.generation_config.response_schema")
    schema = schema if schema is not None else config.get("responseJsonSchema")
    if schema is not None and kind not in ("application/json", "text/x.enum"):
        raise gemini(
            "Structured output (response_schema or response_json_schema) requires response_mime_type to be "
            "'application/json' or 'text/x.enum'."
        )
    if kind not in (None, "text/plain", "application/json", "text/x.enum"):
        raise gemini(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are "
            "`text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`."
        )
    prompt.schema = schema
    prompt.wants_json = kind == "application/json"
    stops = config.get("stopSequences") or []
    if len(stops) > 5:
        raise gemini(
            "* GenerateContentRequest.generation_config.stop_sequences: the number of stop sequences must be at most 5"
        )
    prompt.stops = tuple(stops)
    prompt.limit = config.get("maxOutputTokens")
    if prompt.limit is not None and prompt.limit < 1:
        raise gemini(
            "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be positive."
        )
    heat = config.get("temperature")
    if heat is not None and not 0 <= heat <= 2:
        raise gemini(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0]."
        )
    prompt.echo = {"n": config.get("candidateCount") or 1, "modalities": config.get("responseModalities") or []}
    _thinking(config.get("thinkingConfig") or {}, prompt)


def _thinking(config: Json, prompt: Prompt) -> None:
    facts = prompt.facts
    budget, level = config.get("thinkingBudget"), config.get("thinkingLevel")
    if budget is not None and level is not None:
        raise gemini("You can only set only one of thinking budget and thinking level.")
    if level is not None:
        if not facts.levels:
            raise gemini("Thinking level is not supported for this model.")
        if level.upper() not in LEVELS:
            raise gemini(
                "Invalid value at 'generation_config.thinking_config.thinking_level' "
                "(type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel), "
                f'"{level}"'
            )
        if level.lower() not in facts.efforts:
            raise gemini(
                f"Thinking level {level.upper()} is not supported for this model. Please retry with other "
                "thinking level."
            )
    if budget is not None and budget != -1:
        if budget == 0 and not facts.off:
            raise gemini("Budget 0 is invalid. This model only works in thinking mode.")
        low, high = (0, 24576) if facts.off else (128, 32768)
        if not low <= budget <= high:
            raise gemini(f"The thinking budget {budget} is invalid. Please choose a value between {low} and {high}.")
    prompt.thinks = facts.reasoning and budget != 0
    prompt.always_thinks = prompt.thinks and config.get("includeThoughts") is True
    prompt.shows = config.get("includeThoughts") is True


def _tools(tools: list[Json], prompt: Prompt) -> None:
    found: dict[str, Any] = {}
    for place, tool in enumerate(tools):
        if not tool:
            raise gemini(
                f"* GenerateContentRequest.tools[{place}].tool_type: required one_of 'tool_type' must have "
                "one initialized field"
            )
        for number, declared in enumerate(tool.get("functionDeclarations") or []):
            path = f"GenerateContentRequest.tools[{place}].function_declarations[{number}]"
            name = declared.get("name", "")
            if not NAME.match(name):
                raise gemini(
                    f"* {path}.name: [Invalid function name. Must start with a letter or an underscore. Must "
                    "be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:) or dashes (-), "
                    "with a maximum length of 64.]"
                )
            if name in found:
                raise gemini(f"Duplicate function declaration found: {name}")
            if declared.get("parameters") is not None and declared.get("parametersJsonSchema") is not None:
                raise gemini(f"* {path}: only one of parameters and parameters_json_schema can be set")
            found[name] = _parameters(declared, path)
    if found and any(tool.keys() & set(BUILT_IN) for tool in tools) and not prompt.facts.levels:
        raise gemini("Built-in tools and Function Calling cannot be combined in the same request.")
    prompt.tools = found


def _parameters(declared: Json, path: str) -> Any:
    schema = declared.get("parameters")
    if schema is not None:
        openapi(schema, f"{path}.parameters")
        if str(schema.get("type", "OBJECT")).upper() != "OBJECT":
            raise gemini(f"* {path}.parameters: schema type should be OBJECT")
        return schema
    schema = declared.get("parametersJsonSchema")
    if schema is not None and (not isinstance(schema, dict) or schema.get("type", "object") != "object"):
        raise gemini(f"* {path}.parameters_json_schema: schema type should be object")
    return schema


def openapi(schema: Json, path: str) -> None:
    """The rules of the OpenAPI form beyond its field names."""
    kind = str(schema.get("type", "")).upper()
    if kind and kind not in TYPES:
        raise gemini(
            f"Invalid value at '{path}.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), "
            f'"{schema["type"]}"'
        )
    if schema.get("enum"):
        if kind != "STRING":
            raise gemini(f"* {path}.enum: only allowed for STRING type")
        for number, value in enumerate(schema["enum"]):
            if value == "":
                raise gemini(f"* {path}.enum[{number}]: cannot be empty")
    if kind == "ARRAY" and schema.get("items") is None:
        raise gemini(f"* {path}.items: missing field.")
    if kind == "OBJECT" and schema.get("properties") == {}:
        raise gemini(f"* {path}.properties: should be non-empty for OBJECT type")
    if schema.get("format") and kind in FORMATS and schema["format"] not in FORMATS[kind]:
        words = " and ".join(f"'{word}'" for word in FORMATS[kind])
        raise gemini(f"* {path}.format: only {words} are supported for {kind} type")
    properties = schema.get("properties") or {}
    for number, name in enumerate(schema.get("required") or []):
        if name not in properties:
            raise gemini(f"* {path}.required[{number}]: property is not defined")
    for name, sub in properties.items():
        openapi(sub, f"{path}.properties[{name}]")
    if schema.get("items") is not None:
        openapi(schema["items"], f"{path}.items")
    for number, sub in enumerate(schema.get("anyOf") or []):
        openapi(sub, f"{path}.any_of[{number}]")


def _tool_config(config: Json, prompt: Prompt) -> None:
    calling = config.get("functionCallingConfig")
    if calling is None:
        return
    mode = calling.get("mode", "AUTO").upper()
    if mode not in MODES:
        raise gemini(
            "Invalid value at 'tool_config.function_calling_config.mode' (type.googleapis.com/google.ai."
            f'generativelanguage.v1beta.FunctionCallingConfig.Mode), "{calling["mode"]}"'
        )
    names = calling.get("allowedFunctionNames") or []
    if not prompt.tools and mode in ("ANY", "VALIDATED"):
        raise gemini("Function calling config is set without function_declarations.")
    if names and mode not in ("ANY", "VALIDATED"):
        raise gemini("Allowed function names can only be set when function calling mode is ANY or VALIDATED.")
    for name in names:
        if name not in prompt.tools:
            raise gemini(
                f"* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: "
                f"{name} is not declared"
            )
    if mode == "NONE":
        prompt.forced = "-"
    elif mode == "ANY":
        prompt.forced = names[0] if len(names) == 1 else "*"
